#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the conformance cases in trees of memcgfs and compares what they print with the goldens.

    run_conformance.py [--binary FILE] [--mounted] [--fast-reads] [--approve] [--on PROFILE-HIERARCHY] [NAME...]

A mismatch leaves NAME.PROFILE-HIERARCHY.actual beside the golden and a repro.sh in --out.
--approve makes the .actual the new golden, but only where the golden was documented or is
memcgfs-only (or is new): what a real kernel said is renewed by scripts/record-golden alone.
A case that exits with 77 is skipped. The last line is "N passed, N failed, N skipped".
"""

import argparse
import concurrent.futures
import contextlib
import difflib
import os
import shlex
import signal
import sys

import conformance

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(TOP, "tests/conformance/cases")
LIBRARY = os.path.join(TOP, "tests/conformance/lib.sh")
NEW = "memcgfs-only: not yet seen in a kernel"


class Verdict:
    """How one run ended: "ok", "FAILED" or "skipped", and what to tell about it."""

    def __init__(self, word, detail="", transcript=None):
        self.word, self.detail, self.transcript = word, detail, transcript


def difference(want, got):
    lines = [text.decode(errors="backslashreplace").splitlines() for text in (want, got)]
    return "\n".join(difflib.unified_diff(*lines, "golden", "actual", lineterm="", n=2))


def judge(case, config, transcript, status):
    """Compares one run with its golden."""
    if status == conformance.SKIP_STATUS:
        last = transcript.decode(errors="replace").strip().splitlines()
        return Verdict("skipped", last[-1] if last else "")
    if status is None:
        return Verdict("FAILED", "timeout after %d s\n%s" % (
            case.timeout_s, transcript.decode(errors="replace")), transcript)
    if status:
        return Verdict("FAILED", "exit status %d\n%s" % (
            status, transcript.decode(errors="replace")), transcript)
    provenance, want = conformance.read_golden(case.golden(config))
    if provenance is None:
        return Verdict("FAILED", "no golden; look at the .actual, then --approve it", transcript)
    if want != transcript:
        return Verdict("FAILED", "(golden %s)\n%s" % (provenance, difference(want, transcript)),
                       transcript)
    return Verdict("ok")


# What --fast-reads gives up (docs/fidelity.md).
LATE = "what a real program has grown by is known some milliseconds later"
FAST_READS_DIFFER = {
    "real-anon": LATE,
    "real-exact": LATE,
    "real-stays": LATE,
    "bad-calls": "long writes one after another through one descriptor",
    "default-contents": "shows the sizes of files",
    "events-inotify": "watches files, not their directory",
    "signalled-writes": "a number that falls during a write may be seen when that is over",
}


def keep_evidence(options, case, config, verdict):
    """The .actual beside the golden and a script that repeats the run."""
    actual = case.golden(config, "actual")
    if verdict.word != "FAILED":
        if os.path.exists(actual):
            os.remove(actual)
        return
    directory = os.path.join(options.out, "%s.%s-%s" % (case.name, *config))
    try:
        os.makedirs(directory, exist_ok=True)
        repro = os.path.join(directory, "repro.sh")
        with open(repro, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec %s\n" % shlex.join(
                [os.path.abspath(__file__), "--binary", options.binary,
                 "--on", "%s-%s" % config, *(["--mounted"] if options.mounted else []),
                 *(["--fast-reads"] if options.fast_reads else []), case.name]))
        os.chmod(repro, 0o755)
        verdict.detail += "\nagain: " + repro
        if verdict.transcript is not None:
            try:
                conformance.write_golden(actual, NEW, verdict.transcript)
            except PermissionError:
                conformance.write_golden(os.path.join(directory, "actual"), NEW,
                                         verdict.transcript)
    except OSError as error:
        verdict.detail += "\nno evidence kept: %s" % error


def approve(case, config):
    """Promotes an .actual; says what happened, or nothing where there is none."""
    actual, golden = case.golden(config, "actual"), case.golden(config)
    _, transcript = conformance.read_golden(actual)
    if transcript is None:
        return None
    provenance, _ = conformance.read_golden(golden)
    if provenance and not provenance.startswith(("documented", "memcgfs-only")):
        return "NOT approved: %s was %s" % (os.path.basename(golden), provenance)
    conformance.write_golden(golden, provenance or NEW, transcript)
    os.remove(actual)
    return "approved: %s" % os.path.basename(golden)


def one(options, case, config):
    """Runs one case as one kernel."""
    if options.fast_reads and case.name in FAST_READS_DIFFER:
        return Verdict("skipped", FAST_READS_DIFFER[case.name])
    if options.mounted and case.only_run:
        return Verdict("skipped", "it wants a run of its own")
    if case.only_root and os.geteuid() != 0:
        return Verdict("skipped", "needs root")
    run = conformance.run_on_mount if options.mounted else conformance.run_in_private_tree
    transcript, status = run(options.binary, case, config, LIBRARY)
    verdict = judge(case, config, transcript, status)
    keep_evidence(options, case, config, verdict)
    return verdict


def selected(options):
    for case in conformance.find_cases(options.cases):
        case.options += ["--fast-reads"] if options.fast_reads else []
        for config in case.configs:
            if (not options.on or "%s-%s" % config in options.on) and (
                    not options.name or case.name in options.name):
                yield case, config


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run_conformance.py")
    parser.add_argument("--binary", default=os.path.join(TOP, "build/src/cli/memcgfs"))
    parser.add_argument("--cases", default=CASES, help="directory of cases")
    parser.add_argument("--out", default=None, help="where repro.sh files go")
    parser.add_argument("--mounted", action="store_true", help="on a mount, with CG=DIR")
    parser.add_argument("--fast-reads", action="store_true", help="with memcgfs' --fast-reads")
    parser.add_argument("--approve", action="store_true", help="make each .actual the golden")
    parser.add_argument("--list", action="store_true", help="print what would run")
    parser.add_argument("--on", action="append", metavar="PROFILE-HIERARCHY")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("name", nargs="*", help="cases; all when none is named")
    options = parser.parse_intermixed_args(arguments)
    options.binary = os.path.abspath(options.binary)
    if options.out is None:
        options.out = os.path.join(os.path.dirname(options.binary), "../../conformance")
    options.out = os.path.abspath(options.out)
    return options


class Report:
    """Prints each verdict; failures again at the end, where the tail of a long log still has them."""

    def __init__(self):
        self.counts = {"ok": 0, "FAILED": 0, "skipped": 0}
        self.failures = []

    def add(self, case, config, verdict):
        text = "%-7s %s %s-%s" % (verdict.word, case.name, *config)
        if verdict.detail:
            text += "\n    " + verdict.detail.replace("\n", "\n    ")
        self.counts[verdict.word] += 1
        if verdict.word == "FAILED":
            self.failures.append(text)
        print(text, flush=True)

    def end(self):
        print("".join("%s\n" % text for text in self.failures), end="")
        print("%(ok)d passed, %(FAILED)d failed, %(skipped)d skipped" % self.counts)


def raise_exit(number, _):
    sys.exit(128 + number)


@contextlib.contextmanager
def stopping(pool):
    """Where the runner itself is ended, its runs end before it and take their mounts along."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        conformance.CHILDREN.stop_all()
        raise


def main(arguments=None):
    options = parse(arguments)
    todo = list(selected(options))
    if options.list:
        print("\n".join("%s %s-%s" % (case.name, *config) for case, config in todo))
        return 0
    if options.approve:
        said = [approve(case, config) for case, config in todo]
        print("\n".join(line for line in said if line) or "nothing to approve")
        return 1 if any(line and line.startswith("NOT") for line in said) else 0
    if not os.path.exists("/dev/fuse"):
        print("no /dev/fuse here: nothing can be mounted")
        print("0 passed, 0 failed, %d skipped" % len(todo))
        return conformance.SKIP_STATUS
    report = Report()
    signal.signal(signal.SIGTERM, raise_exit)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool, stopping(pool):
        jobs = [(case, config, pool.submit(one, options, case, config)) for case, config in todo]
        for case, config, job in jobs:
            report.add(case, config, job.result())
    report.end()
    return 1 if report.counts["FAILED"] or not todo else 0


if __name__ == "__main__":
    sys.exit(main())
