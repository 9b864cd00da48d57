#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds every #include to the table of folders in docs/architecture.md.

  - a folder includes itself and the folders its row names, and of another folder only what is
    under include/memcgfs/ (src/X is private to X);
  - each third-party header stays in the folders whose row names it;
  - base, engine, vfs and interface stay away from threads, files, clocks, randomness, the
    environment and the log (base/mutex and base/random excepted where that is their subject).
Tests may include everything; nothing includes cli.
"""

import os
import re
import sys

# The table's word for a third party, and the includes it stands for.
THIRD_PARTY = {
    "tl/expected": r"tl/",
    "fmt": r"fmt/",
    "spdlog": r"spdlog/",
    "fuse_lowlevel": r"(fuse3/|fuse(_\w+)?\.h$)",
    "seccomp": r"seccomp\.h$",
    "CLI11": r"CLI/",
    "toml++": r"toml\+\+/",
    "catch2": r"catch2/",
    "rapidcheck": r"rapidcheck(/|\.h$)",
}
# Directories of the C library and the kernel's user headers.
SYSTEM_DIRS = ("sys/", "linux/", "asm/", "net/", "netinet/", "arpa/", "bits/", "experimental/")
PURE = ("base", "engine", "vfs", "interface")
BANNED_HEADERS = {
    "thread": (), "fstream": (), "random": (), "future": (), "filesystem": (), "iostream": (),
    "mutex": ("base/mutex",), "condition_variable": ("base/mutex",), "shared_mutex": (),
}
BANNED_WORDS = {
    r"\b(?:system|steady|high_resolution|utc|file)_clock\b": ("base/mutex",),
    r"\b(?:clock_gettime|gettimeofday)\b": (),
    r"\b(?:secure_)?getenv\b": (),
    r"\bspdlog::": (),
    r"\bstd::(?:rand|srand|random_device|mt19937\w*)\b": (),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


class Table:
    """The rows of docs/architecture.md: folder -> folders and third parties it may include."""

    def __init__(self, text):
        self.folders, self.third = {}, {}
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|") or len(cells) != 4 or cells[0] in ("folder", "---"):
                continue
            self.folders[cells[0]] = self._words(cells[2])
            self.third[cells[0]] = self._words(cells[3])
        for folder, allowed in self.folders.items():
            if allowed == ["all"]:
                self.folders[folder] = [f for f in self.folders if f != folder]

    @staticmethod
    def _words(cell):
        return [] if cell in ("-", "") else [word.strip() for word in cell.split(",")]

    def problems(self):
        """What is wrong with the table itself."""
        if not self.folders:
            yield "docs/architecture.md: no table of folders found"
        for folder in self.folders:
            for word in self.folders[folder]:
                if word not in self.folders:
                    yield "docs/architecture.md: %s may include unknown folder %s" % (folder, word)
                elif folder in self.folders[word]:
                    yield "docs/architecture.md: %s and %s include each other" % (folder, word)
            for word in self.third[folder]:
                if word not in THIRD_PARTY:
                    yield "docs/architecture.md: %s: unknown third party %s" % (folder, word)


def folder_of(path):
    """('engine', public?) of src/engine/x.cc or include/memcgfs/engine/x.h; None for others."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1], False
    if parts[:2] == ["include", "memcgfs"] and len(parts) > 3:
        return parts[2], True
    return None


def check_own(table, folder, public, target):
    """What is wrong with a quoted include of `target`."""
    if target.startswith("memcgfs/"):
        other = target.split("/")[1]
        if other != folder and other not in table.folders[folder]:
            return "%s may not include %s" % (folder, other)
        return None
    if "/" not in target:
        return "write the include with its folder"
    other = target.split("/")[0]
    if other != folder:
        return "src/%s is private to %s" % (other, other)
    return "a public header includes a private one" if public else None


def check_third(table, folder, target):
    """What is wrong with an <include> of `target`."""
    for name, pattern in THIRD_PARTY.items():
        if re.match(pattern, target):
            return None if name in table.third[folder] else "%s has no place in %s" % (name, folder)
    if "/" in target and not target.startswith(SYSTEM_DIRS):
        return "unknown third-party header; give it a place in docs/architecture.md"
    return None


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def exempt(path, places):
    return any(("/" + place + ".") in path for place in places)


def check_pure(path, text):
    """Banned headers and words in a folder that must stay pure: (offset, message)."""
    for match in INCLUDE.finditer(text):
        places = BANNED_HEADERS.get(match[2])
        if places is not None and not exempt(path, places):
            yield match.start(2), "<%s> is banned here" % match[2]
    for word, places in BANNED_WORDS.items():
        if not exempt(path, places):
            for match in re.finditer(word, text):
                yield match.start(), "%s is banned here" % match[0]


def check_file(table, path, text):
    """Lines "path:line: message" for one file."""
    where = folder_of(path)
    if where is None:
        return
    folder, public = where
    if folder not in table.folders:
        yield "%s:1: folder %s is not in the table of docs/architecture.md" % (path, folder)
        return
    text = without_comments(text)
    found = []
    for match in INCLUDE.finditer(text):
        problem = (check_own(table, folder, public, match[2]) if match[1] == '"'
                   else check_third(table, folder, match[2]))
        if problem:
            found.append((match.start(2), "%s: %s" % (match[2], problem)))
    if folder in PURE:
        found += check_pure(path, text)
    for offset, message in sorted(found):
        yield "%s:%d: %s" % (path, text.count("\n", 0, offset) + 1, message)


def check_tree(top):
    """All problems of a source tree, and how many files were looked at."""
    with open(os.path.join(top, "docs/architecture.md"), encoding="utf-8") as page:
        table = Table(page.read())
    problems, seen = list(table.problems()), 0
    for start in ("src", "include"):
        for directory, _, names in sorted(os.walk(os.path.join(top, start))):
            for name in sorted(names):
                if name.endswith((".cc", ".h", ".hpp")):
                    full = os.path.join(directory, name)
                    with open(full, encoding="utf-8") as source:
                        problems += check_file(table, os.path.relpath(full, top), source.read())
                    seen += 1
    return problems, seen


def main():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    problems, seen = check_tree(top)
    print("\n".join(problems) if problems else "%d files keep to their layers" % seen)
    if not seen:
        print("no source file found")
    return 1 if problems or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
