# SPDX-License-Identifier: MIT
"""What a conformance case is, and how one is run in a tree of memcgfs.

A case is a bash script tests/conformance/cases/**/NAME.sh; dropping it in is all it takes. Its
first comment block may hold three headers:

    # NEEDS: v1 v2       hierarchies it runs on (default v2); also "noswap" (a machine without
                         swap), "root", "run" (paths as documents write them: not with
                         --mounted), "boot" (recorded in a boot of its own), "ssd" (swap on a
                         device that does not turn, as memcgfs' is), "localevents" (mounted with
                         memory_localevents), "zswap" (which is switched on), "track" (its own
                         directory is tracked; not with --mounted), "exact" (page faults of
                         processes in groups wait; not with --mounted) and "classic"
                         (recorded with the multi-generation LRU off)
    # PROFILE: 6.1 6.12  kernels it runs as (default 6.12 for v2, 6.1 for v1)
    # TIMEOUT: 60        seconds
    # GOLDEN: tsv        what it prints is a table (tests/conformance/rows.h); ends the golden's name

It runs once for each profile and hierarchy the two allow; beside it lies what must be printed,
NAME.PROFILE-HIERARCHY.golden. A golden's first line is "# provenance: ..." and starts with
"recorded" (in a real kernel, by scripts/record-golden), "documented" or "memcgfs-only".
"""

import atexit
import os
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid

HIERARCHIES = {"alinux2": ("v1", "v2"), "5.10": ("v1", "v2", "hybrid"),
               "6.1": ("v1", "v2", "hybrid"), "6.12": ("v2",)}
MEMORY = "1G"
SWAP = "512M"
ZSWAP_MACHINE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                             "docs/machines/zswap.toml")
NUMA_MACHINE = os.path.join(os.path.dirname(ZSWAP_MACHINE), "numa-small.toml")
TIMEOUT_S = 60
SKIP_STATUS = 77
PROVENANCE = "# provenance: "
MARK = "MEMCGFS_CONFORMANCE_RUN"


class Case:
    """One script and its headers."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-len(".sh")]
        needs = self._header("NEEDS") or ["v2"]
        hierarchies = [word for word in needs if word in ("v1", "v2", "hybrid")] or ["v2"]
        self.swap = "0" if "noswap" in needs else SWAP
        self.tracks = "track" in needs
        self.only_run = "run" in needs or self.tracks or "exact" in needs
        self.only_root = "root" in needs
        self.own_boot = "boot" in needs
        self.ssd = "ssd" in needs
        self.options = ["--mount-options", "memory_recursiveprot,memory_localevents"] \
            if "localevents" in needs else []
        self.zswap = "zswap" in needs
        if self.zswap:
            self.options += ["--machine", ZSWAP_MACHINE]
        self.options += ["--charge", "exact"] if "exact" in needs else []
        self.numa = "numa" in needs
        self.classic = "classic" in needs
        self.options += ["--machine", NUMA_MACHINE] if self.numa else ["--memory", MEMORY]
        unknown = set(needs) - {"v1", "v2", "hybrid", "noswap", "run", "root", "boot",
                                "ssd", "localevents", "zswap", "numa", "classic", "track", "exact"}
        if unknown:
            raise ValueError("%s: unknown NEEDS: %s" % (path, " ".join(sorted(unknown))))
        profiles = self._header("PROFILE") or (["6.1"] if hierarchies == ["v1"] else ["6.12"])
        self.timeout_s = int((self._header("TIMEOUT") or [TIMEOUT_S])[0])
        self.ending = (self._header("GOLDEN") or ["golden"])[0]
        self.configs = [(p, h) for p in profiles for h in hierarchies if h in HIERARCHIES[p]]
        if not self.configs:
            raise ValueError("%s: no profile has that hierarchy" % path)

    def _header(self, word):
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                if not line.startswith("#"):
                    break
                if line.startswith("# %s:" % word):
                    return line.split(":", 1)[1].split()
        return None

    def golden(self, config, ending=None):
        return "%s.%s-%s.%s" % (self.path[:-len(".sh")], *config, ending or self.ending)


def find_cases(directory):
    found = []
    for where, _, names in sorted(os.walk(directory)):
        found += [Case(os.path.join(where, n)) for n in sorted(names) if n.endswith(".sh")]
    return found


def read_golden(path):
    """(provenance, transcript) or (None, None) where there is no such file."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None, None
    first, _, rest = data.partition(b"\n")
    first = first.decode(errors="replace")
    if not first.startswith(PROVENANCE):
        raise ValueError("%s: the first line must be '%s...'" % (path, PROVENANCE))
    return first[len(PROVENANCE):], rest


def write_golden(path, provenance, transcript):
    with open(path, "wb") as file:
        file.write((PROVENANCE + provenance + "\n").encode() + transcript)


def disk_directory():
    """Where a script's files lie on a disk: page cache of a tmpfs cannot be reclaimed."""
    for path in (os.environ.get("TMPDIR", "/tmp"), "/var/tmp", os.getcwd()):
        kind = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True,
                              check=False).stdout.strip()
        if kind not in ("", "tmpfs") and os.access(path, os.W_OK):
            return path
    return tempfile.gettempdir()


GUEST_PROGRAMS = ("evwait", "putrows", "filecalls", "forks", "threads", "permits", "realmem",
                  "fileuse", "oddmem", "patterns")
SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                       "tests/conformance")
COMPILE_LOCK = threading.Lock()


def compiled_programs(known=[]):  # pylint: disable=dangerous-default-value
    """{name: path} of the cases' helper programs, compiled once for this process; they run in any
    kernel's guest."""
    with COMPILE_LOCK:
        if not known:
            directory = tempfile.mkdtemp(prefix="memcgfs-guest-programs-")
            atexit.register(shutil.rmtree, directory, ignore_errors=True)
            for name in GUEST_PROGRAMS:
                subprocess.run(["c++", "-std=c++20", "-O1", "-static", "-o",
                                os.path.join(directory, name),
                                os.path.join(SOURCES, name + ".cc")], check=True)
            known.append({name: os.path.join(directory, name) for name in GUEST_PROGRAMS})
        return known[0]


class Sandbox:
    """Directories of one run: bin/ with the helper programs, tmp/ for the script; both private."""

    def __init__(self, binary):
        self.root = tempfile.mkdtemp(prefix="memcgfs-case-", dir=disk_directory())
        self.bin = os.path.join(self.root, "bin")
        self.tmp = os.path.join(self.root, "tmp")
        os.mkdir(self.bin)
        os.mkdir(self.tmp)
        for name, path in compiled_programs().items():
            os.symlink(path, os.path.join(self.bin, name))
        self.program("memhog", 'exec %s hog "$@"' % shlex.quote(binary))

    def program(self, name, body):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n%s\n" % body)
        os.chmod(path, 0o755)

    def told(self, outcome):
        """The transcript as a kernel would have it, whose script has /tmp for itself."""
        transcript, status = outcome
        return transcript.replace(self.tmp.encode(), b"/tmp"), status

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


def end_leftovers(mark):
    """Ends every process that still carries this run's mark in its environment, and waits."""
    wanted = ("%s=%s" % (MARK, mark)).encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open("/proc/%s/environ" % entry, "rb") as file:
                    if wanted in file.read().split(b"\0"):
                        end_process(int(entry))
            except OSError:
                continue


def end_process(pid):
    watch = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        select.select([watch], [], [], 5)
    finally:
        os.close(watch)


class Stopped(Exception):
    """No more runs: stop_all() was called."""


class Children:
    """The processes now run for cases, so that a signal to the runner can end them all."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self._stopped = False

    def start(self, argv, **options):
        with self._lock:
            if self._stopped:
                raise Stopped
            child = subprocess.Popen(argv, start_new_session=True, **options)
            self._running.add(child)
            return child

    def ended(self, child):
        with self._lock:
            self._running.discard(child)

    def stop_all(self):
        """Ends what runs; whoever waits for it then tidies up after it. Nothing starts again."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)


CHILDREN = Children()


def run_marked(argv, environment, timeout_s, cwd):
    """Runs argv in a process group of its own; (what it printed, status; None after a timeout)."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryFile() as out:
        child = CHILDREN.start(argv, stdin=subprocess.DEVNULL, stdout=out,
                               stderr=subprocess.STDOUT, cwd=cwd,
                               env=dict(environment, **{MARK: mark}))
        try:
            status = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            status = None
        CHILDREN.ended(child)
        try:
            os.killpg(child.pid, signal.SIGTERM if status is None else signal.SIGKILL)
            child.wait(3)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        end_leftovers(mark)
        child.wait()
        out.seek(0)
        return out.read(), status


def case_environment(sandbox, library, extra=()):
    """What a script finds; the names CG and ORACLE_* are for scripts brought from elsewhere."""
    path = ":".join([sandbox.bin, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
                     "/sbin", "/bin"])
    environment = {"PATH": path, "HOME": sandbox.tmp, "LC_ALL": "C", "TERM": "dumb",
                   "SHELL": "/bin/bash", "CASE_LIB": library, "CASE_TMP": sandbox.tmp,
                   "ORACLE_LIB": library, "ORACLE_TMP": sandbox.tmp}
    environment.update(extra)
    return environment


def run_command(binary, config, swap, script, args=(), options=()):
    """The command line that runs a script in a private tree at /sys/fs/cgroup."""
    profile, hierarchy = config
    return [binary, "run", "--profile", profile, "--hierarchy", hierarchy, "--swap", swap,
            *options, "--", "bash", script, *args]


def run_in_private_tree(binary, case, config, library):
    """(transcript, status) of a case under `memcgfs run`."""
    sandbox = Sandbox(binary)
    try:
        options = [*case.options, *(("--track", sandbox.tmp) if case.tracks else ())]
        return sandbox.told(run_marked(
            run_command(binary, config, case.swap, case.path, options=options),
            case_environment(sandbox, library), case.timeout_s, sandbox.tmp))
    finally:
        sandbox.remove()


def run_on_mount(binary, case, config, library):
    """(transcript, status) of a case on `memcgfs mount DIR`, with CG naming the directory."""
    sandbox = Sandbox(binary)
    target = os.path.join(sandbox.root, "mnt")
    os.mkdir(target)
    profile, hierarchy = config
    mount = subprocess.run(
        [binary, "mount", "--profile", profile, "--hierarchy", hierarchy, "--swap",
         case.swap, *case.options, *(["--allow-other"] if os.geteuid() == 0 else []),
         "--background", target],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    try:
        if mount.returncode:
            return b"mount: " + mount.stdout, mount.returncode
        cg = target
        if os.path.isdir(os.path.join(target, "memory")):
            cg = os.path.join(target, "memory")
        return sandbox.told(run_marked(
            ["bash", case.path], case_environment(sandbox, library, {"CG": cg}),
            case.timeout_s, sandbox.tmp))
    finally:
        unmount(target)
        sandbox.remove()


def unmount(target):
    for command in (["fusermount3", "-u", "-q", target], ["umount", "-l", target],
                    ["fusermount3", "-u", "-z", "-q", target]):
        if not os.path.ismount(target):
            return
        if shutil.which(command[0]):
            subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
