#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""count_tests.py must not call a failure a success."""

import contextlib
import io
import json
import os
import unittest

import canary
import count_tests


def counts(stdout, result="OK", stderr=""):
    return count_tests.counts_of_test(
        {"name": "x", "result": result, "stdout": stdout, "stderr": stderr})


def last_line_of(entries):
    log = "".join(json.dumps(entry) + "\n" for entry in entries)
    with canary.Sandbox({"meson-logs/testlog.json": log}) as top:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = count_tests.main(os.path.join(top))
        return status, out.getvalue().splitlines()[-1]


class CountTests(unittest.TestCase):
    def test_catch(self):
        self.assertEqual(counts("All tests passed (7 assertions in 1 test case)\n"), (1, 0, 0))
        self.assertEqual(counts("test cases:  5 |  3 passed | 2 failed\n", "FAIL"), (3, 2, 0))
        self.assertEqual(counts("test cases: 5 | 4 passed | 1 skipped\n"), (4, 0, 1))

    def test_unittest(self):
        self.assertEqual(counts("", stderr="Ran 12 tests in 0.1s\n\nOK\n"), (12, 0, 0))
        self.assertEqual(counts("", "FAIL", "Ran 12 tests in 0.1s\n\n"
                                "FAILED (failures=2, errors=1, skipped=3)\n"), (6, 3, 3))

    def test_own_line(self):
        self.assertEqual(counts("x\n4 passed, 1 failed, 2 skipped\n", "FAIL"), (4, 1, 2))

    def test_a_bad_result_is_a_failure_whatever_was_printed(self):
        for result in count_tests.BAD:
            self.assertEqual(counts("4 passed, 0 failed, 0 skipped\n", result), (4, 1, 0))
            self.assertEqual(counts("nothing\n", result), (0, 1, 0))

    def test_nothing_passed_is_a_failure(self):
        self.assertEqual(last_line_of([]), (1, "0 passed, 1 failed, 0 skipped"))
        self.assertEqual(last_line_of([{"name": "x", "result": "SKIP"}]),
                         (1, "0 passed, 1 failed, 1 skipped"))

    def test_sum(self):
        good = {"name": "x", "result": "OK", "stdout": "3 passed, 0 failed, 1 skipped\n"}
        self.assertEqual(last_line_of([good, {"name": "y", "result": "OK"}]),
                         (0, "4 passed, 0 failed, 1 skipped"))


if __name__ == "__main__":
    unittest.main()
