#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The process that serves a run is killed: the world ends, and nothing is left of it. First
argument: the program.
"""

import os
import select
import signal
import sys
import tempfile
import time
import unittest

import host

HOST = host.Host(host.program_of_arguments())
CANNOT = {False: HOST.can_run(), True: HOST.can_run(user=host.is_root())}

# Root may unmount all, others what they have mounted.
NAMESPACES = "if [ $(id -u) = 0 ]; then n=-m; else n=-Urm; fi; unshare $n"

# Says so and makes no call that the dead could have to answer.
WAIT = 'python3 -c "import signal; print(\\"ready\\", flush=True); signal.pause()"'

# What goes on when it dies: each prints "ready" once it does.
SCRIPTS = {
    "nothing": "echo ready; sleep 1000",
    "opens": "echo ready; while :; do cat /proc/self/cgroup /proc/meminfo; done",
    "forks": "echo ready; while :; do (:) ; done",
    "uses groups": "cd /sys/fs/cgroup; echo ready; while :; do mkdir a; rmdir a; done",
    "waits for the tree": "cd /sys/fs/cgroup; echo +memory >cgroup.subtree_control; mkdir a;"
                          "(echo 0 >a/cgroup.procs; exec sleep 1000) & echo 1 >a/cgroup.freeze;"
                          "echo ready; sleep 1000",
    "is held at a limit": "cd /sys/fs/cgroup; echo +memory >cgroup.subtree_control; mkdir a;"
                          "echo 2M >a/memory.high; echo ready; echo 0 >a/cgroup.procs;"
                          "x=$(head -c 64M /dev/zero | tr '\\0' a)",
    "writes to a tmpfs": "cd /dev/shm || exit; echo ready; while :; do head -c 9M /dev/zero >a$$;"
                         " done",
    "has daemons": "for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM HUP; sleep 1000 & sleep 1000'"
                   " &) ; done; echo ready; sleep 1000",
    "has stopped processes": "sh -c 'kill -STOP $$' & echo ready; sleep 1000",
    "has left the mounts": NAMESPACES + " sh -c 'umount -l /sys/fs/cgroup; " + WAIT +
                           "' & sleep 1000",
    "has a root of its own": NAMESPACES + " sh -c 'mount -t tmpfs none /mnt; for d in bin lib lib64"
                             " usr; do mkdir -p /mnt/$d; mount --rbind /$d /mnt/$d; done;"
                             " chroot /mnt " + WAIT + "' & sleep 1000",
}
PATIENCE_S = 30


def wait_for_word(run, word):
    """False if the run ends, or says nothing for long."""
    said = b""
    while word not in said:
        if not select.select([run.stdout], [], [], PATIENCE_S)[0]:
            return False
        if not (part := os.read(run.stdout.fileno(), 4096)):
            return False
        said += part
    return True


class Death(unittest.TestCase):
    def start(self, script, user, *options):
        if CANNOT[user]:
            self.skipTest(CANNOT[user])
        return HOST.start(script, *options, user=user and host.is_root())

    def end(self, run):
        """After the kill: nothing is left, and whoever reads what the run prints hears its end."""
        self.assertEqual(HOST.leftovers(), [])
        status, said = HOST.finish(run)
        self.assertEqual(status, -signal.SIGKILL, said)

    def kill_when_ready(self, script, *options):
        for user in (False, True) if host.is_root() else (True,):
            with self.subTest("user" if user else "root"):
                run = self.start(script, user, *options)
                self.addCleanup(run.stdout.close)
                ready = wait_for_word(run, b"ready")
                run.kill()
                run.wait()
                self.end(run)
                self.assertTrue(ready)

    def test_at_any_instant(self):
        """From the first of its life to the first of its command's, at steps of a hundredth."""
        for user in (False, True) if host.is_root() else (True,):
            begun = time.monotonic()
            self.assertEqual(HOST.finish(self.start("exit 7", user))[0], 7)
            whole_s = time.monotonic() - begun
            for step in range(60):
                with self.subTest(user=user, step=step):
                    run = self.start("mkdir /sys/fs/cgroup/a; sleep 1000", user)
                    time.sleep(whole_s * step / 50)
                    run.kill()
                    run.wait()
                    self.end(run)

    def test_by_its_command(self):
        for user in (False, True) if host.is_root() else (True,):
            with self.subTest("user" if user else "root"):
                run = self.start("sleep 1000 & kill -KILL $PPID; sleep 1000", user)
                run.wait(host.PATIENCE_S)
                self.end(run)

    def test_with_a_tracked_directory(self):
        with tempfile.TemporaryDirectory(dir=HOST.directory) as directory:
            os.chmod(directory, 0o777)
            HOST.entries.add(os.path.basename(directory))
            self.kill_when_ready("cd %s && echo ready; while :; do echo a >f; cat f; done"
                                 % directory, "--track", directory)
        HOST.entries.remove(os.path.basename(directory))

    def test_after_its_janitor(self):
        """Nobody is left to clean up but the kernel: the command ends by its parent's death."""
        run = self.start("echo ready; exec sleep 1000", not host.is_root())
        self.assertTrue(wait_for_word(run, b"ready"))
        for pid in os.listdir("/proc"):
            if pid.isdigit() and is_janitor_of(pid, run.pid):
                os.kill(int(pid), signal.SIGKILL)
        run.kill()
        run.wait()
        self.end(run)


def is_janitor_of(pid, parent):
    try:
        with open("/proc/%s/status" % pid, encoding="utf-8") as file:
            status = file.read()
    except OSError:
        return False
    return "Name:\tmount-janitor\n" in status and "PPid:\t%d\n" % parent in status


class Canary(unittest.TestCase):
    """What the tests look for would be found."""

    def test_a_process(self):
        orphan = os.fork()
        if orphan == 0:
            time.sleep(1000)
            os._exit(0)
        found = HOST.leftovers(at_once=True)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("process "), found)
        self.assertEqual(HOST.leftovers(at_once=True), [])

    @unittest.skipUnless(host.is_root(), "it takes root")
    def test_a_mount_and_a_file(self):
        place = HOST.directory + "/place"
        os.mkdir(place)
        host.call("mount", "none", place, "tmpfs", 0, None)
        found = HOST.leftovers(at_once=True)
        host.call("umount2", place, 0)
        os.rmdir(place)
        self.assertEqual([text.partition(":")[0] for text in found], ["mount", "file"], found)
        self.assertEqual(HOST.leftovers(at_once=True), [])


def add_test(name, script):
    setattr(Death, "test_while_it_" + name.replace(" ", "_"),
            lambda self: self.kill_when_ready(script))


for title, text in SCRIPTS.items():
    add_test(title, text)

if __name__ == "__main__":
    sys.exit(unittest.main())
