#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up what the tests of one `meson test` run counted themselves.

Reads meson-logs/testlog.json of a build directory. A Meson test counts as
  - as many as its last line "N passed, N failed, N skipped" says (conformance, lint), or
  - the test cases Catch2 reports, or
  - the tests python's unittest reports, or else
  - one.
A test that Meson calls failed counts at least one failure, whatever it printed.
Prints one line for each test that is not wholly passed, then the sum, alone on a line.
"""

import json
import os
import re
import sys

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
CATCH_ALL = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
CATCH_LINE = re.compile(r"^test cases: +(\d+)(.*)$", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in [^\n]*\n+(OK|FAILED)(?: \((.*)\))?", re.M)
BAD = ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS")


def number(text, word):
    """The number before `word` in "3 passed | 1 failed", or after it in "failures=1"."""
    match = re.search(r"(\d+) %s\b" % word, text) or re.search(r"\b%s=(\d+)" % word, text)
    return int(match[1]) if match else 0


def counts_of_output(text):
    """(passed, failed, skipped) as the output itself says, or None."""
    summaries = SUMMARY.findall(text)
    if summaries:
        return tuple(int(n) for n in summaries[-1])
    match = CATCH_ALL.search(text)
    if match:
        return int(match[1]), 0, 0
    match = CATCH_LINE.search(text)
    if match:
        failed, skipped = number(match[2], "failed"), number(match[2], "skipped")
        return int(match[1]) - failed - skipped, failed, skipped
    match = UNITTEST.search(text)
    if match:
        detail = match[3] or ""
        failed = number(detail, "failures") + number(detail, "errors")
        skipped = number(detail, "skipped")
        return int(match[1]) - failed - skipped, failed, skipped
    return None


def counts_of_test(entry):
    """(passed, failed, skipped) of one line of testlog.json."""
    result = entry.get("result", "ERROR")
    if result == "SKIP":
        return 0, 0, 1
    text = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
    counted = counts_of_output(text)
    if counted is None:
        return (0, 1, 0) if result in BAD else (1, 0, 0)
    passed, failed, skipped = counted
    if result in BAD and failed == 0:
        failed = 1
    return passed, failed, skipped


def main(build):
    path = os.path.join(build, "meson-logs", "testlog.json")
    total = [0, 0, 0]
    with open(path, encoding="utf-8") as log:
        for line in log:
            entry = json.loads(line)
            counts = counts_of_test(entry)
            total = [a + b for a, b in zip(total, counts)]
            if counts[1] or counts[2]:
                print("%s: %d passed, %d failed, %d skipped (%s)"
                      % (entry["name"], *counts, entry["result"]))
    if total[0] == 0:
        print("no test passed: that is not a result, but a broken run")
        total[1] = max(total[1], 1)
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
