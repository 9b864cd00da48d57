#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`memcgfs run --charge exact --evict`: real pages leave memory, and what comes back is what it was.
Arguments: the program, and evictstress.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.realpath(sys.argv.pop(1))
STRESS = os.path.realpath(sys.argv.pop(1))
PATIENCE_S = 200
RUN = [PROGRAM, "run", "--memory", "8G", "--swap", "4G", "--hierarchy", "v2"]
EVICTING = RUN + ["--charge", "exact", "--evict", "--"]
# The command of its arguments is in a group of 12 MB; the group's files come afterwards.
IN_GROUP = ["bash", "-c", "cd /sys/fs/cgroup; echo +memory >cgroup.subtree_control; mkdir m;"
            "echo 12M >m/memory.max; (echo $BASHPID >m/cgroup.procs; exec \"$@\"); status=$?;"
            "echo peak $(<m/memory.peak); echo swapped $(<m/memory.swap.peak);"
            "echo left $(<m/memory.swap.current); exit $status", "-"]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                          **options)


PROBE = run(*EVICTING, "true")


class Usage(unittest.TestCase):
    def test_it_needs_the_exact_tier(self):
        for charge in (["--charge", "event"], []):
            wrong = run(*RUN, *charge, "--evict", "--", "true")
            self.assertEqual((wrong.returncode, wrong.stdout, wrong.stderr),
                             (2, "", "memcgfs: --evict needs --charge exact\n"))

    def test_it_needs_a_place_for_the_file(self):
        wrong = run(*EVICTING, "true", env=dict(os.environ, TMPDIR="/no/such"))
        self.assertEqual((wrong.returncode, wrong.stdout), (1, ""))
        self.assertEqual(wrong.stderr.count("\n"), 1, wrong.stderr)


@unittest.skipUnless(PROBE.returncode == 0, "nothing can be evicted here: " + PROBE.stderr)
class Contents(unittest.TestCase):
    def stress(self, *arguments):
        done = run(*EVICTING, *IN_GROUP, STRESS, *map(str, arguments))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all bytes right", done.stdout)
        told = dict(line.split() for line in done.stdout.splitlines()[-3:])
        self.assertLessEqual(int(told["peak"]), 12 << 20)
        self.assertGreater(int(told["swapped"]), 16 << 20)
        self.assertLess(int(told["left"]), 1 << 20)

    def test_one_thread(self):
        self.stress(1, 32, 3000, 1)

    def test_two_threads(self):
        self.stress(2, 32, 2000, 2)

    def test_eight_threads(self):
        self.stress(8, 32, 500, 3)

    def test_what_is_in_swap_is_not_resident(self):
        script = ("import mmap, time\n"
                  "size = 48 << 20\n"
                  "memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
                  "for at in range(0, size, 4096): memory[at:at + 8] = at.to_bytes(8, 'little')\n"
                  "def anon():\n"
                  "    with open('/proc/self/status') as status:\n"
                  "        return next(int(l.split()[1]) for l in status if l.startswith('RssAnon'))\n"
                  "until = time.monotonic() + 30\n"
                  "while anon() > 14 << 10 and time.monotonic() < until: time.sleep(0.02)\n"
                  "print('resident', anon())\n"
                  "print(all(memory[at:at + 8] == at.to_bytes(8, 'little')\n"
                  "          for at in range(0, size, 4096)))\n")
        done = run(*EVICTING, *IN_GROUP, sys.executable, "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertLessEqual(int(lines[0].split()[1]), 14 << 10)
        self.assertEqual(lines[1], "True")

    def test_timeouts_come_while_other_threads_use_evicted_memory(self):
        """To be stopped for that is to begin to wait again."""
        script = ("import mmap, os, select, threading, time\n"
                  "memory = mmap.mmap(-1, 32 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
                  "over = False\n"
                  "def use():\n"
                  "    while not over:\n"
                  "        for at in range(0, 32 << 20, 4096): memory[at] = 1\n"
                  "thread = threading.Thread(target=use)\n"
                  "thread.start()\n"
                  "time.sleep(0.3)\n"
                  "poll = select.epoll()\n"
                  "poll.register(os.pipe()[0])\n"
                  "begun = time.monotonic()\n"
                  "poll.poll(0.5)\n"
                  "took = time.monotonic() - begun\n"
                  "over = True\n"
                  "thread.join()\n"
                  "print(took)\n")
        done = run(*EVICTING, *IN_GROUP, sys.executable, "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        took = float(done.stdout.split()[0])
        self.assertGreater(took, 0.45)
        self.assertLess(took, 5)

    def test_nobody_goes_on_without_the_daemon(self):
        """What has been evicted is lost with it: all are killed, and none reads anything else."""
        for instant in range(8):
            with tempfile.TemporaryFile("w+") as said:
                with subprocess.Popen(EVICTING + IN_GROUP + [STRESS, "4", "32", "1000000", "5"],
                                      stdout=said, stderr=said) as running:
                    time.sleep(0.4 + 0.17 * instant)
                    stressed = descendants(running.pid, os.path.basename(STRESS)[:15])
                    running.send_signal(signal.SIGKILL)
                until = time.monotonic() + 20
                while any(lives(pid) for pid in stressed) and time.monotonic() < until:
                    time.sleep(0.01)
                self.assertEqual([pid for pid in stressed if lives(pid)], [])
                said.seek(0)
                self.assertNotIn("WRONG", said.read())


def stat_of(pid):
    """Its name, state and parent; nothing of one that has gone."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            name, _, rest = file.read().rpartition(")")
    except OSError:
        return None
    return name.partition("(")[2], rest.split()[0], int(rest.split()[1])


def lives(pid):
    stat = stat_of(pid)
    return stat is not None and stat[1] not in "ZX"


def descendants(ancestor, name):
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        stat = stat_of(pid)
        at = pid
        while stat is not None and at not in (0, 1, ancestor):
            at = stat_of(at)[2] if stat_of(at) else 0
        if at == ancestor and stat is not None and stat[0] == name:
            found.append(pid)
    return found


if __name__ == "__main__":
    unittest.main()
