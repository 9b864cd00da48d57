#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`memcgfs top`: what it tells of groups and of how their processes are charged. First argument:
the program.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.realpath(sys.argv.pop(1))
PATIENCE_S = 60


def top(*arguments):
    run = subprocess.run([PROGRAM, "top", *arguments], capture_output=True, text=True,
                         timeout=PATIENCE_S, check=False)
    return run.returncode, run.stdout, run.stderr


DOCTOR = subprocess.run([PROGRAM, "doctor"], capture_output=True, text=True, check=False)
COUNTS = "ok       counting page faults of others" in DOCTOR.stdout
UNTRACED = "event-untraced" if COUNTS else "timer"  # the tier of who is not followed


def rows_below(text, group):
    """What stands between the line of the group and the next group's."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split()[0] == group)
    below = []
    for line in lines[first + 1:]:
        if not line.startswith(" "):
            break
        below.append(line)
    return lines[first], below


class WhatIsNoTree(unittest.TestCase):
    def test_is_refused(self):
        for directory in ("/", "/proc", "/no/such/directory"):
            status, out, err = top(directory)
            self.assertEqual((status, out), (2, ""))
            self.assertEqual(err, "memcgfs: %s is no group of a tree of memcgfs\n" % directory)

    def test_bad_numbers_are_refused(self):
        for arguments in (("-n", "0"), ("-n", "x"), ("-d", "0"), ("-d", "-1")):
            self.assertEqual(top(*arguments)[0], 2, arguments)


@unittest.skipUnless(DOCTOR.returncode == 0, "no trees can be mounted here")
class Trees(unittest.TestCase):
    def test_a_run_tells_of_followed_processes(self):
        script = (
            "cd /sys/fs/cgroup; mkdir -p a/b; echo 64M > a/memory.max; echo $$ > a/b/cgroup.procs;"
            "python3 -c 'import subprocess, sys; held = bytearray(20 << 20);"
            "subprocess.run([sys.argv[1], \"top\"])' %s" % PROGRAM)
        run = subprocess.run([PROGRAM, "run", "--", "sh", "-c", "echo +memory > /sys/fs/cgroup/"
                              "cgroup.subtree_control; mkdir /sys/fs/cgroup/a; echo +memory > "
                              "/sys/fs/cgroup/a/cgroup.subtree_control; " + script],
                             capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("64.0M", rows_below(run.stdout, "/a")[0])
        line, processes = rows_below(run.stdout, "/a/b")
        usage = re.search(r"(\d+)\.\dM", line)
        self.assertGreaterEqual(int(usage[1]), 20, line)
        held = [row for row in processes if "python3" in row]
        self.assertEqual(len(held), 1, run.stdout)
        followed = "ok       tracing of processes" in DOCTOR.stdout
        self.assertIn(" event " if followed else " %s " % UNTRACED, held[0])
        self.assertGreaterEqual(float(held[0].split()[0].rstrip("M")), 20, held[0])

    def test_a_mount_tells_of_processes_that_are_looked_at_and_of_puppets(self):
        for hierarchy, tree in (("v1", "memory"), ("v2", "")):
            with tempfile.TemporaryDirectory() as directory, subprocess.Popen(
                    [PROGRAM, "mount", "--hierarchy", hierarchy, "--charge", "event-untraced",
                     directory]) as mount:
                group = "%s/%s/a" % (directory, tree)
                until = time.monotonic() + PATIENCE_S
                while top(directory)[0] != 0 and time.monotonic() < until:
                    time.sleep(0.01)
                setup = "cd %s/%s; echo +memory > cgroup.subtree_control; mkdir a" % (directory, tree)
                subprocess.run(["sh", "-c", setup], stderr=subprocess.DEVNULL, check=False)
                with subprocess.Popen(["sh", "-c", "echo $$ > %s/cgroup.procs; exec sleep 1000" %
                                       group]) as real, \
                     subprocess.Popen([PROGRAM, "hog", "-j", group + "/cgroup.procs", "anon", "8M",
                                       "hold"], stdout=subprocess.PIPE, text=True) as puppet:
                    self.assertEqual(puppet.stdout.readline(), "anon 8M: ok\n")
                    rows = []
                    while not any("sleep" in row for row in rows) and time.monotonic() < until:
                        rows = rows_below(top(directory)[1], "/a")[1]
                    tiers = {row.split()[-1]: row.split() for row in rows}
                    self.assertEqual(tiers["sleep"][-2:], [UNTRACED, "sleep"])
                    self.assertEqual(tiers["memcgfs"][0], "8.0M")
                    self.assertEqual(tiers["memcgfs"][-2:], ["modelled", "memcgfs"])
                    self.assertEqual(len(top("-n", "2", "-d", "0.01", directory)[1].split("GROUP")),
                                     3)
                    real.kill()
                    puppet.kill()
                mount.terminate()


if __name__ == "__main__":
    unittest.main()
