#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_layers.py must find what it is there to find."""

import unittest

import canary
import check_layers

TABLE = """
| folder | purpose | may include | third-party headers |
|---|---|---|---|
| base | words | - | tl/expected, fmt |
| engine | machine | base | - |
| vfs | files | base | - |
| fuse | adapter | base, vfs | fuse_lowlevel, spdlog |
| cli | main | all | CLI11 |
"""


def problems(path, text, table=TABLE):
    with canary.Sandbox({"docs/architecture.md": table, path: text}) as top:
        return check_layers.check_tree(top)[0]


class CheckLayers(unittest.TestCase):
    def assert_clean(self, path, text):
        self.assertEqual(problems(path, text), [])

    def assert_found(self, path, text, words):
        found = problems(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])
        self.assertTrue(found[0].startswith(path + ":1: "), found[0])

    def test_allowed_directions(self):
        self.assert_clean("src/engine/a.cc", '#include "memcgfs/base/units.h"\n')
        self.assert_clean("src/engine/a.cc", '#include "engine/private.h"\n')
        self.assert_clean("src/cli/a.cc", '#include "memcgfs/fuse/session.h"\n')
        self.assert_clean("src/fuse/a.cc", "#include <fuse_lowlevel.h>\n#include <spdlog/logger.h>\n")
        self.assert_clean("src/fuse/a.cc", "#include <thread>\n#include <sys/stat.h>\n")

    def test_forbidden_direction(self):
        self.assert_found("src/engine/a.cc", '#include "memcgfs/vfs/tree.h"\n', "may not include vfs")
        self.assert_found("include/memcgfs/base/a.h", '#include "memcgfs/engine/ids.h"\n',
                          "may not include engine")

    def test_nothing_includes_cli(self):
        self.assert_found("src/fuse/a.cc", '#include "memcgfs/cli/main.h"\n', "may not include cli")

    def test_private_headers(self):
        self.assert_found("src/cli/a.cc", '#include "engine/charge.h"\n', "private to engine")
        self.assert_found("include/memcgfs/engine/a.h", '#include "engine/charge.h"\n',
                          "public header includes a private one")
        self.assert_found("src/engine/a.cc", '#include "charge.h"\n', "with its folder")

    def test_third_party_has_one_home(self):
        self.assert_found("src/engine/a.cc", "#include <fmt/format.h>\n", "fmt has no place")
        self.assert_found("src/engine/a.cc", "#include <tl/expected.hpp>\n", "tl/expected has no")
        self.assert_found("src/vfs/a.cc", "#include <fuse3/fuse.h>\n", "fuse_lowlevel has no place")
        self.assert_found("src/cli/a.cc", "#include <boost/asio.hpp>\n", "unknown third-party")

    def test_pure_folders(self):
        for header in ("thread", "fstream", "random", "mutex"):
            self.assert_found("src/engine/a.cc", "#include <%s>\n" % header, "banned here")
        for line in ("auto t = std::chrono::steady_clock::now();", 'f(getenv("HOME"));',
                     "spdlog::info();", "::clock_gettime(CLOCK_REALTIME, &t);"):
            self.assert_found("src/vfs/a.cc", line + "\n", "banned here")

    def test_the_mutex_may_be_a_mutex(self):
        self.assert_clean("src/base/mutex.cc", "#include <mutex>\n")
        self.assert_clean("include/memcgfs/base/mutex.h", "#include <condition_variable>\n")

    def test_comments_do_not_count(self):
        self.assert_clean("src/engine/a.cc", "// #include <thread>\n/* getenv */\n")

    def test_table(self):
        loop = TABLE.replace("| base | words | - |", "| base | words | engine |")
        self.assertIn("include each other", "\n".join(problems("src/vfs/a.cc", "", loop)))
        self.assertIn("no table", "\n".join(problems("src/vfs/a.cc", "", "")))
        self.assertIn("not in the table", "\n".join(problems("src/other/a.cc", "")))


if __name__ == "__main__":
    unittest.main()
