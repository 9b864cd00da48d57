#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Commands that do to their world what they should not: `memcgfs run` neither hangs nor leaves
mounts, processes or files behind, and its exit status is the command's. First argument: the program.
"""

import os
import shutil
import subprocess
import sys
import unittest

import host

HOST = host.Host(host.program_of_arguments())

# Who runs a script: root; an ordinary user; one who is root of the world.
ROOT, USER, USER_AS_ROOT = "root", "user", "user --root"
ALL = (ROOT, USER, USER_AS_ROOT)

# A filter of the program's own: what happens to uname(2), and then a command.
FILTERED = r"""
import ctypes, os, struct, sys
action, flags = int(sys.argv[1], 0), int(sys.argv[2])
number = {"x86_64": 63, "aarch64": 160}[os.uname().machine]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, 0x7fff0000)]
text = b"".join(struct.pack("HBBI", *step) for step in steps)
program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer := ctypes.create_string_buffer(text)))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
seccomp = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
if libc.syscall(seccomp, 1, flags, program) < 0:
    print("seccomp:", os.strerror(ctypes.get_errno()), flush=True)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def filtered(action, flags, command):
    return "python3 -c '%s' %s %s %s" % (FILTERED, action, flags, command)


# name: (script, exit status, who)
SCRIPTS = {
    "remounts": (
        "mount -o remount,ro /sys/fs/cgroup; mkdir /sys/fs/cgroup/a;"
        "mount -o remount,rw /sys/fs/cgroup; mount -o remount,size=4k /dev/shm; exit 7", 7, ALL),
    "unmounts": (
        "umount /sys/fs/cgroup; umount -l /sys/fs/cgroup; umount -l /dev/shm; umount -l /proc;"
        "umount -l /sys; exit 7", 7, ALL),
    "unmounts all there is": (
        "(umount -a -l; umount -l /) 2>/dev/null; exit 7", 7, ALL),
    "covers its mounts": (
        "mount -t tmpfs none /sys/fs/cgroup; mount -t tmpfs none /proc; mount -t tmpfs none /sys;"
        "mount -t tmpfs none /; exit 7", 7, ALL),
    "mounts and leaves": (
        "mkdir -p /dev/shm/a /dev/shm/b; mount -t tmpfs none /dev/shm/a;"
        "mount -t cgroup2 none /dev/shm/b; mount --bind / /mnt; mount --make-rshared /;"
        "mount -t tmpfs none /mnt; exit 7", 7, ALL),
    "changes its root": (
        "mount --rbind / /mnt; chroot /mnt sh -c 'cat /proc/self/cgroup; umount -l /proc; exit 7'",
        7, (ROOT, USER_AS_ROOT)),
    "changes its root to nothing": (
        "mkdir -p /dev/shm/a; chroot /dev/shm/a /bin/sh -c 'exit 7'; exit $?", 127,
        (ROOT, USER_AS_ROOT)),
    "turns its root over": (
        "unshare -m sh -c 'mount --make-rprivate /; mount --rbind / /mnt && cd /mnt &&"
        " pivot_root . mnt && umount -l /mnt; exit 7'", 7, (ROOT,)),
    "executes set-user-ID programs": (
        "cp /bin/true /dev/shm/t; chmod 4755 /dev/shm/t; /dev/shm/t; su -s /bin/sh -c 'exit 7' nobody",
        7, (ROOT,)),
    "executes a set-user-ID program of root's": (
        "su -s /bin/sh -c 'exit 0' root </dev/null; mount /none; passwd -S; exit 7", 7,
        (USER, USER_AS_ROOT)),
    "gives up its rights": (
        "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs sh -c"
        " 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/a; exit 7'", 7, (ROOT,)),
    "has a filter that fails calls": (filtered("0x00050026", 0, "sh -c 'uname; exit 7'"), 7, ALL),
    "has a filter that kills": (filtered("0x80000000", 0, "uname"), 128 + 31, ALL),
    "has a filter that wants a supervisor": (
        filtered("0x7fc00000", 8, "sh -c 'cat /proc/self/cgroup; exit 7'"), 7, ALL),
    "makes user namespaces": (
        "unshare -Ur unshare -Urm sh -c 'mount -t tmpfs none /mnt; mount -t cgroup2 none /mnt;"
        " umount /sys/fs/cgroup; cat /proc/self/cgroup; exit 7'", 7, ALL),
    "makes all namespaces": (
        "unshare -Urmpf --mount-proc --cgroup --ipc --net --uts sh -c 'sleep 1000 & exit 7'", 7,
        ALL),
    "kills its shell": ("kill -KILL $$", 128 + 9, ALL),
    "kills its shell in a group": (
        "mkdir /sys/fs/cgroup/a; echo $$ >/sys/fs/cgroup/a/cgroup.procs; sleep 1000 &"
        "echo 1 >/sys/fs/cgroup/a/cgroup.kill; sleep 1000", 128 + 9, ALL),
    "crashes": ("kill -SEGV $$", 128 + 11, ALL),
    "kills its process group": (
        "exec setsid sh -c 'sleep 1000 & sleep 1000 & kill -KILL 0'", 128 + 9, ALL),
    "leaves processes that do not want to end": (
        "trap '' TERM HUP INT; (setsid sh -c 'sleep 1000 & (sleep 1000 &) ; sleep 1000' &) ;"
        "sh -c 'kill -STOP $$' & exit 7", 7, ALL),
    "leaves frozen processes": (
        "mkdir /sys/fs/cgroup/a; sleep 1000 & echo $! >/sys/fs/cgroup/a/cgroup.procs;"
        "echo 1 >/sys/fs/cgroup/a/cgroup.freeze; exit 7", 7, ALL),
    "leaves a namespace with processes": (
        "unshare -Urmpf sh -c 'sleep 1000 & sleep 1000' & exit 7", 7, ALL),
    "leaves a call that waits": (
        "mkdir /sys/fs/cgroup/a; cat /dev/kmsg & cat /proc/kmsg & exit 7", 7, ALL),
    "kills who helps it": (
        "for p in /proc/[0-9]*; do read -r name <$p/comm; case $name in mount-agent|world-agent)"
        " grep -q \"PPid:.$PPID$\" $p/status && kill -9 ${p#/proc/};; esac; done 2>/dev/null;"
        "mount -t tmpfs none /mnt; mount -t cgroup2 none /mnt; umount /sys/fs/cgroup; exit 7", 7,
        ALL),
    "has no descriptors left": (
        "python3 -c 'import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3));"
        "open(\"/proc/self/cgroup\")' || exit 7", 7, ALL),
    "takes its limits away": (
        "mkdir /sys/fs/cgroup/a; exec bash -c 'ulimit -x 1; ulimit -Hx 0; ulimit -Sx;"
        " echo $$ >/sys/fs/cgroup/a/cgroup.procs; ulimit -x 2; exit 7'", 7, ALL),
    "removes what it stands in": (
        "mkdir /sys/fs/cgroup/a /dev/shm/d; cd /sys/fs/cgroup/a; rmdir /sys/fs/cgroup/a; ls; cd"
        " /dev/shm/d; rmdir /dev/shm/d; cat cgroup.procs; exit 7", 7, ALL),
    "uses shared memory": ("echo a >/dev/shm/x && exit 7", 7, ALL),
    "has a world in its world": ('"$MEMCGFS" run -- sh -c "exit 7"', 7, ALL),
    "cannot be executed": ("exec /dev/null", 126, ALL),
}


def why_not(who):
    if who == ROOT and not host.is_root():
        return "it takes root"
    return CANNOT[who != ROOT]


CANNOT = {False: HOST.can_run(), True: HOST.can_run(user=host.is_root())}


class Runs(unittest.TestCase):
    def run_as(self, who, script, *options):
        if reason := why_not(who):
            self.skipTest(reason)
        os.environ["MEMCGFS"] = HOST.program
        options += ("--root",) if who == USER_AS_ROOT else ()
        run = HOST.start(script, *options, user=who != ROOT and host.is_root())
        status, said = HOST.finish(run)
        self.assertEqual(HOST.leftovers(at_once=True), [], said)
        return status, said


class RoughCommands(Runs):
    """The table above."""


def add_test(name, script, status, who):
    def test(self):
        got, said = self.run_as(who, script)
        self.assertEqual(got, status, said)
    words = "".join(c if c.isalnum() else "_" for c in name + " as " + who)
    setattr(RoughCommands, "test_" + words, test)


for title, (text, expected, users) in SCRIPTS.items():
    for user in users:
        add_test(title, text, expected, user)


class CommandLine(unittest.TestCase):
    """What is no option is refused, not run."""

    def test_unknown_option(self):
        for line in (["--nosuch", "--", "true"], ["-x"], ["--memory", "1G", "--nosuch=1", "true"]):
            with self.subTest(line):
                said = subprocess.run([HOST.program, "run", *line], check=False,
                                      capture_output=True, text=True)
                self.assertEqual(said.returncode, 2, said.stderr)
                self.assertIn("unknown option -", said.stderr)


class ExactCharge(Runs):
    """Page faults wait for ordinary users as well, where they have been given the device."""

    OVER_ITS_LIMIT = (
        "cd /sys/fs/cgroup; echo +memory >cgroup.subtree_control; mkdir a; echo 20M >a/memory.max;"
        "sh -c 'echo $$ >a/cgroup.procs; exec tail /dev/zero'; echo killed=$?;"
        "test $(cat a/memory.peak) -le $((20 << 20)) && exit 7")

    @unittest.skipUnless(os.path.exists("/dev/userfaultfd"), "since Linux 6.1")
    def test_over_its_limit(self):
        for who in ALL:
            with self.subTest(who):
                status, said = self.run_as(who, self.OVER_ITS_LIMIT, "--charge", "exact",
                                           "--hierarchy", "v2")
                self.assertEqual(status, 7, said)
                self.assertIn("killed=137", said)
                self.assertNotIn("cannot wait", said)

    @unittest.skipUnless(os.path.exists("/dev/userfaultfd"), "since Linux 6.1")
    def test_with_a_filter_of_its_own(self):
        script = ("mkdir /sys/fs/cgroup/a; echo $$ >/sys/fs/cgroup/a/cgroup.procs;" +
                  filtered("0x00050026", 0, "sh -c 'true; exit 7'"))
        for who in ALL:
            with self.subTest(who):
                status, said = self.run_as(who, script, "--charge", "exact")
                self.assertEqual(status, 7, said)
                self.assertIn("filter of system calls of its own (seccomp)", said)
                self.assertEqual(said.count("cannot wait"), 1, said)


class TrackedDirectory(unittest.TestCase):
    """What happens to a directory that is tracked."""

    def tracked(self, who, script):
        directory = HOST.directory + "/tracked"
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory)
        os.chmod(directory, 0o777)
        try:
            if reason := why_not(who):
                self.skipTest(reason)
            options = ["--track", directory] + (["--root"] if who == USER_AS_ROOT else [])
            run = HOST.start("cd %s && { %s; }" % (directory, script), *options,
                             user=who != ROOT and host.is_root())
            status, said = HOST.finish(run)
            files = sorted(os.listdir(directory))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        self.assertEqual(HOST.leftovers(at_once=True), [], said)
        return status, said, files

    def test_is_used(self):
        for who in ALL:
            with self.subTest(who):
                status, said, files = self.tracked(
                    who, "echo +memory >/sys/fs/cgroup/cgroup.subtree_control;"
                    "mkdir /sys/fs/cgroup/a && echo $$ >/sys/fs/cgroup/a/cgroup.procs &&"
                    "dd if=/dev/zero of=f bs=64k count=16 2>/dev/null && cat f | wc -c &&"
                    "grep '^file ' /sys/fs/cgroup/a/memory.stat; ln f g; rm f; exit 7")
                self.assertEqual((status, files), (7, ["g"]), said)
                self.assertIn("1048576\nfile 1048576\n", said)

    def test_is_removed_and_unmounted(self):
        for who in ALL:
            with self.subTest(who):
                status, said, files = self.tracked(
                    who, "echo a >f; sleep 1000 <f & exec 3<f; rm -rf \"$PWD\"; umount -l \"$PWD\";"
                    "cd /; exit 7")
                self.assertEqual((status, files), (7, []), said)


if __name__ == "__main__":
    sys.exit(unittest.main())
