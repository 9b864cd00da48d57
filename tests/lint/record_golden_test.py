#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""record-golden must write what two boots agree on and nothing else; tried on a fake kernel."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import unittest
from unittest import mock

import canary

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/record-golden")
# Says what the case's own file holds; %N counts its boots. Keeps each command line.
FAKE = """#!/usr/bin/env python3
import os, sys
top = os.path.dirname(sys.argv[0])
words = sys.argv[1:]
with open(top + "/boots", "a") as log:
    log.write(" ".join(words) + "\\n")
boots = len(open(top + "/boots").readlines())
files = dict(reversed(w.split(":")) for w in words if ":/case/" in w)
driver = next(i for i, w in enumerate(words) if w.endswith("/driver"))
mark, cases = words[driver + 1], words[driver + 5:]  # between: disk, zswap and lists
with open(words[words.index("--klog") + 1], "w") as log:
    log.write("Linux version 6.12.1-test (x)")
with open(words[words.index("--out") + 1], "w") as out:
    for name in cases[::2]:
        said = open(files["/case/cases/" + name + ".sh"]).read().split("#says ")[1]
        if said.startswith("dies"):
            break
        said = said.replace("%N", str(boots))
        out.write("%s %s %d %d\\n%s" % (mark, name, said.startswith("fails"), len(said), said))
"""


def load():
    loader = importlib.machinery.SourceFileLoader("record_golden", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("record_golden", loader))
    loader.exec_module(module)
    return module


class RecordGolden(unittest.TestCase):
    def record(self, files, *arguments):
        """(status, what it printed, goldens afterwards, command lines of the boots)"""
        with canary.Sandbox(dict(files, **{"run-in-kernel": FAKE})) as top:
            os.chmod(os.path.join(top, "run-in-kernel"), 0o755)
            module = load()
            said = io.StringIO()
            with mock.patch.object(module, "CASES", top), contextlib.redirect_stdout(said), \
                    mock.patch("sys.argv", ["record-golden", "--oracle", top, *arguments]):
                status = module.main()
            goldens = {}
            for name in sorted(os.listdir(top)):
                if name.endswith(".golden"):
                    with open(os.path.join(top, name), encoding="utf-8") as file:
                        goldens[name] = file.read()
            boots = []
            if os.path.exists(os.path.join(top, "boots")):
                with open(os.path.join(top, "boots"), encoding="utf-8") as file:
                    boots = file.read().splitlines()
            return status, said.getvalue(), goldens, boots

    def test_two_boots_agree(self):
        status, _, goldens, boots = self.record({"a.sh": "#says hello\n", "b.sh": "#says ho\n"})
        self.assertEqual(status, 0)
        self.assertEqual(goldens["a.6.12-v2.golden"],
                         "# provenance: recorded on Linux 6.12.1-test (Debian), v2\nhello\n")
        self.assertIn("b.6.12-v2.golden", goldens)
        self.assertEqual(len(boots), 2)
        self.assertTrue(boots[0].endswith("a 180 b 180"))
        self.assertTrue(boots[1].endswith("b 180 a 180"))

    def test_they_do_not_agree(self):
        status, said, goldens, _ = self.record({"a.sh": "#says %N\n", "b.sh": "#says ho\n"})
        self.assertEqual((status, list(goldens)), (1, ["b.6.12-v2.golden"]))
        self.assertIn("a 6.12-v2: two runs differ", said)

    def test_a_case_fails_or_takes_the_kernel_along(self):
        status, said, goldens, _ = self.record(
            {"a.sh": "#says ho\n", "b.sh": "#says fails\n", "c.sh": "#says dies\n"})
        self.assertEqual((status, goldens), (1, {}))
        self.assertIn("b 6.12-v2: exit status 1", said)
        self.assertIn("c 6.12-v2: exit status none: the boot ended before", said)

    def test_what_shares_a_boot(self):
        _, _, goldens, boots = self.record({
            "a.sh": "#says a\n", "b.sh": "# NEEDS: v2 noswap\n#says b\n",
            "c.sh": "# NEEDS: v1 v2\n# PROFILE: 6.1 6.12 alinux2\n#says c\n",
            "d.sh": "# NEEDS: v2 boot\n#says d\n"})
        self.assertEqual(len(goldens), 6)
        self.assertEqual(sorted(" ".join(line.split()[0:8]) for line in boots[::2]), sorted([
            "--kernel 6.12 --hier v2 --mem 1G --swap 512M", "--kernel 6.12 --hier v2 --mem 1G --swap 0",
            "--kernel 6.1 --hier v1 --mem 1G --swap 512M", "--kernel 6.1 --hier v2 --mem 1G --swap 512M",
            "--kernel 6.12 --hier v2 --mem 1G --swap 512M"]))

    def test_check_writes_nothing(self):
        old = "# provenance: recorded on Linux 6.12 (Debian), v2\nold\n"
        status, said, goldens, _ = self.record(
            {"a.sh": "#says new\n", "a.6.12-v2.golden": old}, "--check")
        self.assertEqual((status, goldens), (1, {"a.6.12-v2.golden": old}))
        self.assertIn("+new", said)

    def test_missing(self):
        status, _, goldens, boots = self.record(
            {"a.sh": "#says new\n", "a.6.12-v2.golden": "# provenance: x\nold\n"}, "--missing")
        self.assertEqual((status, len(boots)), (0, 0))
        self.assertEqual(goldens["a.6.12-v2.golden"], "# provenance: x\nold\n")


if __name__ == "__main__":
    unittest.main()
