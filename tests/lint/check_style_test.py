#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_style.py must find what it is there to find: each check has a file it must refuse."""

import unittest

import canary
import check_style
from cxx_functions import function_lengths

SPDX = "// SPDX-License-Identifier: MIT\n"
HEADER = SPDX + "//\n// A contract.\n#pragma once\n"


def problems(check, files):
    with canary.Sandbox(files) as top:
        return list(check(check_style.Tree(top)))


class CheckStyle(unittest.TestCase):
    def assert_refused(self, check, path, text, words=""):
        found = problems(check, {path: text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def assert_accepted(self, check, files):
        self.assertEqual(problems(check, files), [])

    def test_function_length(self):
        check = check_style.check_function_length
        body = "    x();\n" * 69
        self.assert_refused(check, "src/a.cc", "void f() {\n" + body + "}\n", "71 lines")
        self.assert_accepted(check, {"src/a.cc": "void f() {\n" + body[9:] + "}\n"})
        self.assert_refused(check, "a.py", "def f():\n    x()\n" + body, "71 lines")

    def test_file_length(self):
        check = check_style.check_file_length
        self.assert_refused(check, "src/a.cc", "\n" * 501, "501 lines")
        self.assert_accepted(check, {"src/v1_memory_files.cc": "\n" * 501, "src/b.cc": "\n" * 500})

    def test_licence_line(self):
        check = check_style.check_licence_line
        self.assert_refused(check, "src/a.cc", "int x;\n")
        self.assert_refused(check, "scripts/run", "#!/bin/sh\ntrue\n")
        self.assert_accepted(check, {"src/a.cc": SPDX})

    def test_header_contract(self):
        check = check_style.check_header_contract
        self.assert_refused(check, "include/a.h", SPDX + "#pragma once\nint x;\n", "contract")
        self.assert_refused(check, "include/a.h", SPDX + "// It\n// says.\n", "pragma")
        self.assert_accepted(check, {"include/a.h": HEADER})

    def test_banned_words(self):
        check = check_style.check_banned_words
        for path, line in (("src/a.cc", "// FIX" + "ME"), ("src/a.cc", "// TO" + "DO: more"),
                           ("src/a.cc", "std::for" + "mat(x);"),
                           ("tests/unit/a_test.cc", "sle" + "ep(1);"),
                           ("src/a.cc", "static Config& instance() {"),
                           ("src/a.cc", "    // return 5;"),
                           ("docs/a.md", "see /ho" + "me/me/x"),
                           ("scripts/a", "curl http://deb.deb" + "ian.org/")):
            self.assert_refused(check, path, line + "\n")
        self.assert_accepted(check, {"src/a.cc": "// TO" + "DO(#12): more\n",
                                     "src/b.cc": "nanosle" + "ep(&t, nullptr);\n"})

    def test_white_space(self):
        check = check_style.check_white_space
        self.assert_refused(check, "src/a.cc", "int x; \n", "at the end")
        self.assert_refused(check, "src/a.cc", "int x;", "no line end")
        self.assert_refused(check, "src/a.cc", "\tint x;\n", "tab")
        self.assert_refused(check, "src/a.cc", "x" * 101 + "\n", "wide")

    def test_deviations(self):
        check = check_style.check_deviations
        self.assert_refused(check, "src/a.cc", "// DEVIATION(no-numa): why\n", "not in")
        self.assert_refused(check, "docs/fidelity.md", "## DEVIATION(no-numa)\n", "nowhere")
        self.assert_accepted(check, {"src/a.cc": "// DEVIATION(no-numa): why\n",
                                     "docs/fidelity.md": "## DEVIATION(no-numa)\n"})

    def test_everything_is_built(self):
        check = check_style.check_every_test_is_built
        self.assert_refused(check, "tests/unit/x/a_test.cc", "")
        self.assert_accepted(check, {"tests/unit/x/a_test.cc": "",
                                     "tests/unit/x/meson.build": "e('a_test.cc')\n"})
        check = check_style.check_every_source_is_built
        self.assert_refused(check, "src/x/a.cc", "")
        self.assert_accepted(check, {"src/x/y/a.cc": "", "src/x/meson.build": "f('y/a.cc')\n"})

    def test_no_mutable_globals(self):
        check = check_style.check_no_statics
        self.assert_refused(check, "src/a.cc", "static int counter = 0;\n")
        self.assert_refused(check, "src/a.h", "inline std::string name;\n")
        self.assert_accepted(check, {"src/a.cc": "static constexpr int kX = 0;\n"
                                                 "static int f(int x) {\n"
                                                 "inline int g() { return 1; }\n"})

    def test_shellcheck(self):
        if not check_style.shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed")
        self.assert_refused(check_style.check_shellcheck, "scripts/a",
                            "#!/bin/sh\nrm $1\n", "SC2086")


class FunctionLengths(unittest.TestCase):
    """The finder of function bodies, on the shapes it must not be fooled by."""

    def test_shapes(self):
        for text, lengths in (
                ("namespace a {\nclass B {\n  int f() const {\n  }\n};\n}\n", [2]),
                ("A::A(int x)\n    : a_{x},\n      b_{x} {\n  g();\n}\n", [2, 2, 3]),
                ("constexpr Row kRows[] = {\n  {1},\n  {2},\n};\n", []),
                ("constexpr std::array<Row, 2> kRows{{\n  {f(1)},\n  {2},\n}};\n", []),
                ("void f(int x = 0) {\n  auto g = [] { if (x) { h(\"}\"); } };\n}\n", [3]),
                ("bool operator==(A a, A b) {\n  return '{' != 1'000;\n}\n", [3]),
                ("template <class T>\nstruct S {\n  T f() {\n  // {\n  }\n};\n", [3]),
                ("enum class E : int { kA, kB };\nstruct P { int x = 0; };\n", []),
                ("#define M(x) { x\nvoid f() {\n}\n", [2])):
            self.assertEqual([n for _, n in function_lengths(text)], lengths, text)


if __name__ == "__main__":
    unittest.main()
