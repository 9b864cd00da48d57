#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the parts of README.md that are derived.

    update_readme.py                the section on files, from docs/interface-files.md
    update_readme.py --demo FILE    also the demo's transcript, from its saved output
    update_readme.py --check        writes nothing; fails where the section on files is stale
"""

import os
import re
import sys
import textwrap

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HIERARCHIES = ("v1", "v2", "/proc and /sys")
HIERARCHY = re.compile(r"^## (%s)$" % "|".join(HIERARCHIES))


def rows_of(page):
    """(hierarchy, file, fidelity) of each row of docs/interface-files.md."""
    hierarchy, columns = None, []
    for line in page.splitlines():
        heading = HIERARCHY.match(line)
        if heading:
            hierarchy = heading[1]
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if line.startswith("| file "):
            columns = cells
        elif line.startswith("| ") and hierarchy and columns:
            row = dict(zip(columns, cells))
            yield hierarchy, row["file"], row["fidelity"]


def paragraph(text):
    """The text as an item of a list, wrapped; names with dashes stay whole."""
    return textwrap.fill(text, 98, initial_indent="- ", subsequent_indent="  ",
                         break_on_hyphens=False, break_long_words=False)


def files_section(page):
    """How many files of each hierarchy are how true, and the names of those that are less."""
    rows, out = list(rows_of(page)), []
    for hierarchy in HIERARCHIES:
        names = {}
        for where, name, fidelity in rows:
            if where == hierarchy and name not in names.setdefault(fidelity, []):
                names[fidelity].append(name)
        out.append(paragraph("**%s**: %d files act as the kernel's." % (
            hierarchy, len(names.get("modelled", [])))))
        for fidelity, says in (("accounted", "show and take what the kernel does, but not "
                                             "all follows from it that does there"),
                               ("stored only", "keep their value, and nothing follows")):
            if names.get(fidelity):
                out.append(paragraph("%s, %s: %s." % (
                    hierarchy, says, ", ".join("`%s`" % name for name in names[fidelity]))))
    return "\n".join(out)


def with_section(readme, name, text):
    begin, end = "<!-- %s: begin -->\n" % name, "<!-- %s: end -->" % name
    before, rest = readme.split(begin)
    return before + begin + "\n" + text + "\n\n" + end + rest.split(end)[1]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def main(arguments):
    readme = read("README.md")
    renewed = with_section(readme, "files", files_section(read("docs/interface-files.md")))
    if arguments[:1] == ["--check"]:
        print("fresh" if renewed == readme else "README.md is stale: run scripts/update_readme.py")
        return int(renewed != readme)
    if arguments[:1] == ["--demo"]:
        with open(arguments[1], encoding="utf-8") as file:
            shown = [line for line in file.read().splitlines()
                     if not line.startswith(("setup:", "build:"))]
        text = "\n".join("    " + line if line else "" for line in shown).strip("\n")
        renewed = with_section(renewed, "demo", text)
    with open(os.path.join(TOP, "README.md"), "w", encoding="utf-8") as file:
        file.write(renewed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
