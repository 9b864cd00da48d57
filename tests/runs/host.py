# SPDX-License-Identifier: MIT
"""Runs `memcgfs run` where nothing else happens, and tells what it has left behind.

Root's tests work in a mount namespace of their own, whose mounts hand changes on to each other as
the host's do, with an empty /tmp, and /dev/fuse and /dev/userfaultfd for everybody. The process is a subreaper: what
outlives a run becomes its child.
"""

import ctypes
import os
import signal
import stat
import subprocess
import sys
import time

NOBODY = 65534
PATIENCE_S = 60
ENDS_WITHIN_S = 20

MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 1 << 12, 1 << 14, 1 << 18, 1 << 20
CLONE_NEWNS = 0x20000
PR_SET_CHILD_SUBREAPER = 36

LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A function of the C library that fails with -1."""
    encoded = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(LIBC, name)(*encoded) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "%s: %s" % (name, os.strerror(error)))


def is_root():
    return os.geteuid() == 0


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def children():
    """{pid: what it is} of the processes that are this one's, the dead taken away."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return {}
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().rpartition(")")
            if int(rest.split()[1]) == os.getpid():
                found[int(pid)] = name.partition("(")[2]
        except OSError:
            continue
    return found


class Host:
    """The machine as one test program finds it; made once, before anything else."""

    def __init__(self, program):
        call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.program = os.path.realpath(program)
        self.directory = "/tmp"
        self.entries = set()
        if is_root():
            self._seclude()
        self.mounts = mounts()

    def _seclude(self):
        """A mount namespace, with a copy of the program that everybody may execute."""
        with open(self.program, "rb") as file:
            program = file.read()
        call("unshare", CLONE_NEWNS)
        call("mount", None, "/", None, MS_REC | MS_PRIVATE, None)
        call("mount", None, "/", None, MS_REC | MS_SHARED, None)
        call("mount", "tmpfs", self.directory, "tmpfs", 0, "mode=1777")
        self.program = self.directory + "/memcgfs"
        with open(self.program, "wb") as file:
            file.write(program)
        os.chmod(self.program, 0o755)
        for device in filter(os.path.exists, ("/dev/fuse", "/dev/userfaultfd")):
            node = self.directory + "/" + os.path.basename(device)
            os.mknod(node, stat.S_IFCHR | 0o666, os.stat(device).st_rdev)
            os.chmod(node, 0o666)
            call("mount", node, device, None, MS_BIND, None)
        os.chdir(self.directory)
        self.entries = set(os.listdir(self.directory))

    def can_run(self, user=False):
        """Why there can be no run here, or an empty text."""
        said = self.finish(self.start("exit 7", user=user))
        return "" if said[0] == 7 else said[1]

    def start(self, script, *options, user=False, shell="sh"):
        """A run of a shell script, by who started the tests or by an ordinary user."""
        demoted = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if user else {}
        return subprocess.Popen(
            [self.program, "run", *options, "--", shell, "-c", script], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", **demoted,
            env={**os.environ, "LC_ALL": "C", "TMPDIR": self.directory})

    def finish(self, run):
        """(exit status, what it printed); a run that does not end is ended and gives "hangs"."""
        try:
            said = run.communicate(timeout=PATIENCE_S)[0].decode(errors="replace")
            return run.returncode, said
        except subprocess.TimeoutExpired:
            run.kill()
            self.leftovers()
            return "hangs", run.communicate()[0].decode(errors="replace")

    def leftovers(self, at_once=False):
        """What is still there of the runs so far, and should not be: [text]. It is removed."""
        deadline = time.monotonic() + (0 if at_once else ENDS_WITHIN_S)
        while (left := children()) and time.monotonic() < deadline:
            time.sleep(0.01)
        found = ["process %d (%s)" % each for each in left.items()]
        for _ in range(1000):
            if not left:
                break
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
            left = children()
        if is_root():
            found += sorted("mount: " + line for line in set(mounts()) ^ set(self.mounts))
            found += sorted("file: " + name
                            for name in set(os.listdir(self.directory)) - self.entries)
        else:
            found += ["mount: " + line for line in mounts() if " fuse.memcgfs " in line]
        return found


def program_of_arguments():
    """The first argument of the test program, which unittest shall not see."""
    if len(sys.argv) < 2:
        sys.exit("which program is to be tested?")
    return sys.argv.pop(1)
