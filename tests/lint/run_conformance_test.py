#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run_conformance.py must see a difference, a hang and a leftover; tried on a fake memcgfs."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
import unittest

import canary
import conformance
import run_conformance

# Takes the options of `run` and executes the command after them.
FAKE = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
# Takes `mount ... DIR` and mounts nothing, but leaves a daemon that ends when DIR does.
FAKE_MOUNT = """#!/bin/sh
for target; do :; done
(echo up > "$TOLD"; while [ -d "$target" ]; do sleep 0.05; done; echo down > "$TOLD") \\
    > /dev/null 2>&1 &
"""
GOLDEN = "# provenance: %s\n%s"


class RunConformance(unittest.TestCase):
    def run_cases(self, files, *arguments):
        """(status, output lines, files afterwards) of a run over these files."""
        with canary.Sandbox(dict(files, fake=FAKE)) as top:
            os.chmod(os.path.join(top, "fake"), 0o755)
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                status = run_conformance.main(
                    ["--binary", os.path.join(top, "fake"), "--cases", top,
                     "--out", os.path.join(top, "out"), *arguments])
            after = {}
            for directory, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(directory, name)
                    with open(path, encoding="utf-8") as file:
                        after[os.path.relpath(path, top)] = file.read()
            return status, said.getvalue().splitlines(), after

    def setUp(self):
        if not os.path.exists("/dev/fuse"):
            self.skipTest("no /dev/fuse")

    def test_same(self):
        status, said, after = self.run_cases({
            "a.sh": "echo hello\n", "a.6.12-v2.golden": GOLDEN % ("recorded", "hello\n")})
        self.assertEqual((status, said[-1]), (0, "1 passed, 0 failed, 0 skipped"))
        self.assertNotIn("a.6.12-v2.actual", after)

    def test_difference(self):
        status, said, after = self.run_cases({
            "a.sh": "echo hullo\n", "a.6.12-v2.golden": GOLDEN % ("recorded", "hello\n")})
        self.assertEqual((status, said[-1]), (1, "0 passed, 1 failed, 0 skipped"))
        self.assertIn("    -hello", said)
        self.assertIn("    +hullo", said)
        self.assertTrue(after["a.6.12-v2.actual"].endswith("\nhullo\n"))
        self.assertIn("a", after["out/a.6.12-v2/repro.sh"])

    def test_failures_end_the_log(self):
        _, said, _ = self.run_cases({
            "a.sh": "echo hullo\n", "a.6.12-v2.golden": GOLDEN % ("recorded", "hello\n"),
            "b.sh": "echo hello\n", "b.6.12-v2.golden": GOLDEN % ("recorded", "hello\n")})
        after_b = said[said.index("ok      b 6.12-v2") + 1:]
        self.assertIn("FAILED  a 6.12-v2", after_b)
        self.assertIn("+hullo", "".join(after_b).replace(" ", ""))

    def test_no_golden_bad_status_and_skip(self):
        status, said, _ = self.run_cases({
            "a.sh": "echo hello\n", "b.sh": "exit 77\n", "c.sh": "exit 3\n",
            "c.6.12-v2.golden": GOLDEN % ("recorded", "")})
        self.assertEqual((status, said[-1]), (1, "0 passed, 2 failed, 1 skipped"))

    def test_no_case_is_no_success(self):
        self.assertEqual(self.run_cases({})[0], 1)

    def test_configurations(self):
        _, said, _ = self.run_cases({
            "a.sh": "# NEEDS: v1 v2\n# PROFILE: 6.1 6.12\ntrue\n", "b.sh": "# NEEDS: v1\n"}, "--list")
        self.assertEqual(said, ["a 6.1-v1", "a 6.1-v2", "a 6.12-v2", "b 6.1-v1"])
        with self.assertRaises(ValueError):
            self.run_cases({"a.sh": "# NEEDS: magic\n"})

    def test_timeout_ends_everything(self):
        start = time.monotonic()
        status, said, _ = self.run_cases({
            "a.sh": "# TIMEOUT: 1\nsetsid sleep 600 &\nsleep 600\n"})
        self.assertEqual((status, said[-1]), (1, "0 passed, 1 failed, 0 skipped"))
        self.assertLess(time.monotonic() - start, 30)

    def test_a_process_left_behind_is_ended(self):
        with canary.Sandbox({}) as top:
            out, status = conformance.run_marked(
                ["bash", "-c", "setsid sleep 600 & echo $!"], dict(os.environ), 20, top)
            self.assertEqual(status, 0)
            try:
                with open("/proc/%d/stat" % int(out), encoding="utf-8") as file:
                    self.assertEqual(file.read().rsplit(")", 1)[1].split()[0], "Z")
            except FileNotFoundError:
                pass  # gone altogether

    def test_ended_itself_it_takes_its_mounts_along(self):
        files = {"fake": FAKE_MOUNT, "a.sh": "# TIMEOUT: 600\necho > $TOLD.case\nsleep 600\n"}
        with canary.Sandbox(files) as top:
            os.chmod(os.path.join(top, "fake"), 0o755)
            told = os.path.join(top, "told")
            script = "export TOLD=%s\n" % told
            for name in ("fake", "a.sh"):
                path = os.path.join(top, name)
                with open(path, encoding="utf-8") as file:
                    lines = file.read().splitlines(True)
                with open(path, "w", encoding="utf-8") as file:
                    file.writelines([lines[0], script, *lines[1:]])
            runner = subprocess.Popen(
                [sys.executable, run_conformance.__file__, "--binary", os.path.join(top, "fake"),
                 "--cases", top, "--out", os.path.join(top, "out"), "--mounted"],
                stdout=subprocess.DEVNULL)
            self.wait_for(lambda: os.path.exists(told + ".case"))
            runner.send_signal(signal.SIGTERM)
            self.assertEqual(runner.wait(20), 128 + signal.SIGTERM)
            self.wait_for(lambda: self.text_of(told) == "down\n")

    def text_of(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def wait_for(self, condition):
        # The runner compiles the cases' programs first, on a machine that may be busy.
        for _ in range(2400):
            if condition():
                return
            time.sleep(0.05)
        self.fail("not within two minutes")

    def test_approve(self):
        files = {"a.sh": "", "b.sh": "", "c.sh": "",
                 "a.6.12-v2.golden": GOLDEN % ("documented: a page", "old\n"),
                 "b.6.12-v2.golden": GOLDEN % ("recorded on Linux 6.12", "old\n")}
        files.update({n + ".6.12-v2.actual": GOLDEN % ("x", "new\n") for n in "abc"})
        status, said, after = self.run_cases(files, "--approve")
        self.assertEqual(status, 1)
        self.assertEqual(after["a.6.12-v2.golden"], GOLDEN % ("documented: a page", "new\n"))
        self.assertEqual(after["b.6.12-v2.golden"], files["b.6.12-v2.golden"])
        self.assertTrue(after["c.6.12-v2.golden"].startswith("# provenance: memcgfs-only"))
        self.assertIn("NOT approved", "\n".join(said))


if __name__ == "__main__":
    unittest.main()
