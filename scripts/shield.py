#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command where it can spoil nothing of this machine; for scripts brought from elsewhere.

    shield.py DIR COMMAND [ARG]...

The command is root of a user namespace, with processes, network and mounts of its own. The root
file system is what it was, but what is written goes to DIR/upper; /tmp is DIR/tmp; /sys has none of
this machine's groups and, as /proc/sys, cannot be written. Whatever is left when the command ends
is killed. The exit status is the command's. Needs root.
"""

import ctypes
import os
import signal
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
SYS_PIVOT_ROOT = 155
IDS = 65536
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "kmsg")

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


def mount(source, target, kind, flags=0, data=""):
    check(libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()), target)


def read_only(root, tree):
    mount(root + tree, root + tree, "", MS_BIND | MS_REC)
    mount("", root + tree, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def lay_over(directory):
    """The root file system once more, in a mount namespace of its own. Needs the real root: for
    others the mounts below / are locked."""
    root, upper, work = (os.path.join(directory, name) for name in ("root", "upper", "work"))
    for path in (root, upper, work):
        os.makedirs(path, exist_ok=True)
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("overlay", root, "overlay", 0, "lowerdir=/,upperdir=%s,workdir=%s" % (upper, work))


def build_root(directory):
    """Mounts what the new root lacks and goes there."""
    root = os.path.join(directory, "root")
    mount(root, root, "", MS_BIND)  # what came from outside is locked
    mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", root + "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for tree in ("/proc/sys", "/sys"):
        read_only(root, tree)
    mount("tmpfs", root + "/dev", "tmpfs", MS_NOSUID, "mode=755")
    for name in DEVICES:
        if os.path.exists("/dev/" + name):
            with open(root + "/dev/" + name, "w", encoding="ascii"):
                pass
            mount("/dev/" + name, root + "/dev/" + name, "", MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                         ("stderr", "fd/2")):
        os.symlink(target, root + "/dev/" + name)
    os.mkdir(root + "/dev/shm", 0o1777)
    mount("tmpfs", root + "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    mount(os.path.join(directory, "tmp"), root + "/tmp", "", MS_BIND)
    os.chdir(root)
    check(libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "the old root")
    os.chdir("/root")


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def be_init(directory, command):
    """Process 1 of the new namespace: runs the command and reaps what others leave."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    build_root(directory)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.execvp(command[0], command)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def enter(directory, command, ready, mapped):
    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET), "unshare")
    os.write(ready, b"x")
    os.read(mapped, 1)
    # The wait above was for the identities; only now do they count.
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of identity would clear it
    init = os.fork()
    if init == 0:
        try:
            be_init(directory, command)
        except OSError as error:
            print("shield: %s" % error, file=sys.stderr, flush=True)
            os._exit(125)
    code = status_of(init)
    os._exit(code if code >= 0 else 128 - code)


def main():
    directory, command = os.path.abspath(sys.argv[1]), sys.argv[2:]
    lay_over(directory)
    ready_read, ready = os.pipe()
    mapped, mapped_write = os.pipe()
    child = os.fork()
    if child == 0:
        enter(directory, command, ready, mapped)
    os.close(ready)
    if os.read(ready_read, 1):
        for name in ("uid_map", "gid_map"):
            with open("/proc/%d/%s" % (child, name), "w", encoding="ascii") as file:
                file.write("0 0 %d\n" % IDS)
        os.write(mapped_write, b"x")
    code = status_of(child)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
