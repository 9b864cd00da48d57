#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""update_readme.py must read the page of files as it is written."""

import unittest

import canary  # noqa: F401  (makes scripts/ known)
import update_readme

PAGE = """
## v1

| file | where | mode | profiles | fidelity | what |
|---|---|---|---|---|---|
| memory.stat | everywhere | 0444 | 6.1 | modelled | numbers |
| memory.stat | everywhere | 0444 | 5.10 | modelled | numbers |
| memory.numa_stat | everywhere | 0444 | 6.1 | accounted | numbers |

## v2

| file | where | mode | profiles | fidelity | what |
|---|---|---|---|---|---|
| `cgroup.max.depth` | everywhere | 0644 | 6.1 | stored only | depth |
"""


class UpdateReadme(unittest.TestCase):
    def test_counts_and_names(self):
        section = update_readme.files_section(PAGE)
        self.assertIn("**v1**: 1 files", section)
        self.assertIn("`memory.numa_stat`.", section)
        self.assertIn("nothing follows: `cgroup.max.depth`.", section)

    def test_only_the_section_changes(self):
        readme = "a\n<!-- files: begin -->\nold\n<!-- files: end -->\nb\n"
        renewed = update_readme.with_section(readme, "files", "new")
        self.assertEqual(renewed, "a\n<!-- files: begin -->\n\nnew\n\n<!-- files: end -->\nb\n")
        self.assertEqual(update_readme.with_section(renewed, "files", "new"), renewed)


if __name__ == "__main__":
    unittest.main()
