#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command `memcgfs replay`: what it prints and its exit status. First argument: the program.

All but one of the tests leave the world out (--here), so they need nothing of the host.
"""

import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
LIST = """
[[world]]
name = "one"
as-documented = "5.10"
[[world]]
name = "two"
[[row]]
id = "A1"
world = "one"
[[row.step]]
lines = 2
[[row]]
id = "A2"
world = "one"
[[row.step]]
run = "echo $x"
prints = "1"
[[row]]
id = "B1"
world = "two"
[[row.step]]
run = "echo ${x-unset}"
prints = "set"
linux = "unset"
why = "another shell"
"""


class Replay(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def file(self, name, text):
        path = os.path.join(self.directory.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def replay(self, *arguments):
        """(status, stdout, stderr)"""
        run = subprocess.run([PROGRAM, "replay", *arguments], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=False)
        return run.returncode, run.stdout, run.stderr

    def test_all_as_shown(self):
        path = self.file("d.md", "```\n$ x=3; echo $x\n3\n$ cd /\n```\ntext\n```sh\npwd\n```\n")
        self.assertEqual(self.replay("--here", path), (
            0, "== lines 2-4\n$ x=3; echo $x\n3\n$ cd /\n== line 8\n$ pwd\n/\n", ""))

    def test_a_difference(self):
        path = self.file("d.md", "```\n$ echo 3\n4\n```\n")
        status, out, _ = self.replay("--here", path)
        self.assertEqual(status, 1)
        self.assertIn("  |   - 4\n  |   + 3\n", out)
        self.assertEqual(self.replay("--here", self.file("e.md", "```sh\nfalse\n```\n"))[0], 1)

    def test_what_cannot_be_run(self):
        def refused(*arguments):
            status, out, err = self.replay("--here", *arguments)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
            return err
        self.assertIn("e.md: there is no block", refused(self.file("e.md", "text\n")))
        self.assertIn("line 1: the block", refused(self.file("u.md", "```sh\necho\n")))
        self.assertIn("cannot read", refused(self.directory.name + "/none"))
        self.assertIn("cannot read", refused(self.directory.name))
        self.assertIn("no document given", refused())
        good = self.file("g.md", "```sh\necho a\n```\n")
        self.assertIn("there is no row 'X'", refused("--row", "X", good))
        self.assertIn("l.toml:1: ", refused("--list", self.file("l.toml", "x\n"), good))
        listed = self.file("m.toml", LIST.replace("lines = 2", "lines = 9"))
        self.assertIn("row A1: it has no lines 9-9", refused("--list", listed, good))
        self.assertIn("see 'memcgfs replay --help'", refused("--nonsense", good))

    def test_rows_and_their_worlds(self):
        document = self.file("g.md", "```sh\nx=1\n```\n")
        listed = self.file("l.toml", 'document = "g.md"\n' + LIST)
        status, out, _ = self.replay("--here", "--list", listed)
        self.assertEqual(status, 0, out)
        self.assertIn("  | as Linux does: another shell\n", out)
        report = os.path.join(self.directory.name, "report")
        status, out, _ = self.replay("--here", "--list", listed, "--row", "A2", "--report", report)
        self.assertEqual((status, out), (0, "== A1\n$ x=1\n== A2\n$ echo $x\n1\n"))
        with open(report, encoding="utf-8") as file:
            self.assertEqual([line.split("\t")[:3] for line in file], [
                ["row", "A1", "as shown"], ["command", "A1", "as shown"],
                ["row", "A2", "as shown"], ["command", "A2", "as shown"]])
        status, out, err = self.replay("--profile", "as-documented", "--list", listed, document)
        self.assertEqual(status, 2, out)
        self.assertIn("world 'two' of the list has no profile as-documented", err)

    @unittest.skipUnless(os.access("/dev/fuse", os.W_OK), "no /dev/fuse")
    def test_a_world_of_its_own(self):
        path = self.file("d.md", "```\n$ stat -fc %T /sys/fs/cgroup\ncgroup2fs\n```\n")
        status, out, err = self.replay("--profile", "6.12", path)
        self.assertEqual((status, err), (0, ""), out)
        self.assertTrue(out.endswith(
            "\n1 as shown, 0 not compared, 0 as Linux does, 0 differ, 0 not run\n"), out)
        status, _, err = self.replay("--profile", "none", path)
        self.assertEqual(status, 2)
        self.assertIn("unknown profile 'none'", err)


if __name__ == "__main__":
    unittest.main()
