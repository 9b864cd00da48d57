#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what a reviewer should not have to look for.

Each check is a function taking the tree and yielding "path:line: message" lines. A check counts
as one test; the last line is "N passed, N failed, N skipped".
"""

import ast
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cxx_functions import blank_literals, function_lengths  # noqa: E402

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
LINE_WIDTH_MAX = 100
CXX = (".cc", ".h", ".hpp")
TABLES = re.compile(r"_(files|table)\.(cc|h)$")
GOLDEN = (".golden", ".actual")

# What, where (a pattern of paths), why. The words are split so as not to find themselves.
BANNED = [
    (r"\bFIX" r"ME\b|\bXX" r"X\b", r".", "finish it, or write an issue"),
    (r"\bTO" r"DO\b(?!\(#\d+\))", r".", "finish it, or write an issue"),
    (r"\bstd::for" r"mat\b", r"\.(cc|h|hpp)$", "g++ 12 has no <format>: use fmt"),
    (r"\b(u?sleep|nanosleep|sleep_for|sleep_until)\s*\(", r"^tests/unit/",
     "a test that sleeps hides a race"),
    (r"\bstatic\s+[\w:]+\s*&\s*(get_?)?(instance|singleton)\s*\(", r"\.(cc|h|hpp)$",
     "no singletons: pass it in"),
    (r"^\s*//\s*(if|for|while|return|auto|const)\b.*[;{]\s*$", r"\.(cc|h|hpp)$",
     "no commented-out code"),
    (r"(?<![\w./$}-])/(?:work|home|Users)/\w", r".", "the path of one machine"),
    (r"\b(?:deb|ftp|security|snapshot)\.debian\.org|\bpypi\.org|\bproxy\.golang\.org", r".",
     "name no package host"),
]
DEVIATION = re.compile(r"\bDEVIATION\(([\w-]+)\)")


class Tree:
    """The files of a checkout, read once."""

    def __init__(self, top):
        self.top = top
        self.paths = sorted(self._list())
        self._texts = {}

    def _list(self):
        """Tracked and new files as git tells; without git, everything but build directories."""
        if os.path.exists(os.path.join(self.top, ".git")):
            git = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", self.top, "ls-files", "-co",
                 "--exclude-standard"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
            found = [p for p in git.stdout.splitlines()
                     if os.path.isfile(os.path.join(self.top, p))]
            if git.returncode == 0 and found:
                return found
        found = []
        for directory, names, files in os.walk(self.top):
            names[:] = [n for n in names
                        if n not in (".git", "__pycache__") and not n.startswith("build")]
            found += [os.path.relpath(os.path.join(directory, f), self.top) for f in files]
        return found

    def text(self, path):
        if path not in self._texts:
            with open(os.path.join(self.top, path), encoding="utf-8", errors="replace") as file:
                self._texts[path] = file.read()
        return self._texts[path]

    def having(self, *endings):
        return [p for p in self.paths if p.endswith(endings)]

    def scripts(self, language):
        """Files of this language by ending or first line."""
        ending = {"sh": ".sh", "python": ".py"}[language]
        first = {"sh": r"#!.*\b(ba|da)?sh\b", "python": r"#!.*\bpython3?\b"}[language]
        return [p for p in self.paths if p.endswith(ending)
                or ("." not in os.path.basename(p) and re.match(first, self.text(p)))]


def lines_matching(tree, path, pattern):
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        if re.search(pattern, line):
            yield number, line


def check_function_length(tree):
    for path in tree.having(*CXX):
        for first, length in function_lengths(tree.text(path)):
            if length > FUNCTION_LINES_MAX:
                yield "%s:%d: a function of %d lines" % (path, first, length)
    for path in tree.scripts("python"):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    yield "%s:%d: a function of %d lines" % (path, node.lineno, length)


def check_file_length(tree):
    for path in tree.having(*CXX) + tree.scripts("python") + tree.scripts("sh"):
        length = tree.text(path).count("\n")
        if length > FILE_LINES_MAX and not TABLES.search(path):
            yield "%s:%d: a file of %d lines" % (path, length, length)


def check_licence_line(tree):
    paths = (tree.having(*CXX, "meson.build", "meson_options.txt")
             + tree.scripts("python") + tree.scripts("sh"))
    for path in paths:
        head = tree.text(path).splitlines()[:3]
        if not any("SPDX-License-Identifier: MIT" in line for line in head):
            yield "%s:1: no SPDX line" % path


def check_header_contract(tree):
    for path in tree.paths:
        if path.endswith((".h", ".hpp")):
            head = tree.text(path).splitlines()[:3]
            if len(head) < 3 or "SPDX" not in head[0] or not all(
                    line.startswith("//") for line in head):
                yield "%s:1: a header starts with the SPDX line and its contract" % path
            if "#pragma once" not in tree.text(path):
                yield "%s:1: no #pragma once" % path


def check_banned_words(tree):
    for path in tree.paths:
        if path.endswith(GOLDEN):
            continue
        for pattern, where, why in BANNED:
            if re.search(where, path):
                for number, line in lines_matching(tree, path, pattern):
                    yield "%s:%d: %s: %s" % (path, number, line.strip()[:60], why)


def check_white_space(tree):
    for path in tree.paths:
        if path.endswith(GOLDEN):
            continue
        text = tree.text(path)
        for number, _ in lines_matching(tree, path, r"[ \t\r]$"):
            yield "%s:%d: white space at the end" % (path, number)
        if text and not text.endswith("\n"):
            yield "%s:%d: no line end at the end" % (path, text.count("\n") + 1)
        if path.endswith(CXX):
            for number, line in enumerate(text.splitlines(), 1):
                if "\t" in line or len(line) > LINE_WIDTH_MAX:
                    yield "%s:%d: a tab, or more than %d wide" % (path, number, LINE_WIDTH_MAX)


def check_deviations(tree):
    """The tags in the sources are the headings of docs/fidelity.md."""
    tagged = {}
    for path in tree.paths:
        if path.startswith(("src/", "include/")):
            for number, line in lines_matching(tree, path, DEVIATION):
                tagged.setdefault(DEVIATION.search(line)[1], "%s:%d" % (path, number))
    page = "docs/fidelity.md"
    listed = set(DEVIATION.findall(tree.text(page))) if page in tree.paths else set()
    for name in sorted(set(tagged) - listed):
        yield "%s: DEVIATION(%s) is not in %s" % (tagged[name], name, page)
    for name in sorted(listed - set(tagged)):
        yield "%s:1: DEVIATION(%s) is tagged nowhere" % (page, name)


def check_every_test_is_built(tree):
    for path in tree.paths:
        if path.startswith("tests/") and path.endswith(("_test.cc", "_test.py")):
            directory, name = os.path.split(path)
            build = directory + "/meson.build"
            if build not in tree.paths or not re.search(
                    r"'%s'" % re.escape(name), tree.text(build)):
                yield "%s:1: no line in %s" % (path, build)


def check_every_source_is_built(tree):
    for path in tree.paths:
        if path.startswith("src/") and path.endswith(".cc"):
            directory, name = os.path.split(path)
            while directory and directory + "/meson.build" not in tree.paths:
                directory, parent = os.path.split(directory)
                name = parent + "/" + name
            if not directory or "'%s'" % name not in tree.text(directory + "/meson.build"):
                yield "%s:1: no line in a meson.build" % path


def check_no_statics(tree):
    """No mutable globals: `static` variables and namespace-scope `inline` ones must be const.

    base/mutex.cc knows the ranks its thread holds; that is one fact of a thread, not of a tree.
    """
    pattern = re.compile(r"^\s*(static|inline|thread_local)\s+(?!const|constexpr|constinit const)"
                         r"[\w:<>,\s*&]+\s+\w+\s*(=|;|\{)[^()]*$")
    for path in tree.paths:
        if path == "src/base/mutex.cc":
            continue
        if path.startswith(("src/", "include/")) and path.endswith(CXX):
            for number, line in enumerate(blank_literals(tree.text(path)).splitlines(), 1):
                if pattern.match(line) and not re.search(r"\b(class|struct|namespace)\b", line):
                    yield "%s:%d: %s: no mutable globals" % (path, number, line.strip()[:60])


def check_shellcheck(tree):
    scripts = [os.path.join(tree.top, p) for p in tree.scripts("sh")]
    run = subprocess.run(["shellcheck", "-x", "-f", "gcc", *scripts], cwd=tree.top,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    yield from run.stdout.replace(tree.top + "/", "").splitlines()


def check_generated_docs(tree):
    """README.md follows docs/interface-files.md, which the test `interface` holds to the tables."""
    if "docs/interface-files.md" in tree.paths:
        run = subprocess.run([sys.executable, tree.top + "/scripts/update_readme.py", "--check"],
                             stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode:
            yield run.stdout.strip()


CHECKS = [check_function_length, check_file_length, check_licence_line, check_header_contract,
          check_banned_words, check_white_space, check_deviations, check_every_test_is_built,
          check_every_source_is_built, check_no_statics, check_generated_docs]


def main():
    tree = Tree(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    checks, skipped = list(CHECKS), 0
    if shutil.which("shellcheck"):
        checks.append(check_shellcheck)
    else:
        skipped = 1
    failed = 0
    for check in checks:
        problems = list(check(tree))
        failed += bool(problems)
        print("%s %s" % ("FAILED" if problems else "ok    ", check.__name__[len("check_"):]))
        for problem in problems:
            print("    " + problem)
    print("%d passed, %d failed, %d skipped" % (len(checks) - failed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
