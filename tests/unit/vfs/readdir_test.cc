// SPDX-License-Identifier: MIT
#include <set>

#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

std::vector<DirectoryEntry> list(Fixture& f, OpenFile& directory, std::size_t step = 1000) {
    std::vector<DirectoryEntry> all;
    std::uint64_t offset = 0;
    while (true) {
        const auto some = f.tree.readdir(directory, offset, step).value();
        if (some.empty()) {
            return all;
        }
        CHECK(some.size() <= step);
        all.insert(all.end(), some.begin(), some.end());
        offset = some.back().next_offset;
    }
}

TEST_CASE("entries come in hash order with the next hash as offset", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const NodeId b = f.mkdir(a, "b");
    auto directory = f.open_directory(a);
    const auto entries = list(f, *directory);
    REQUIRE(entries.size() == 2 + 6 + 1);
    CHECK(entries[0].name == ".");
    CHECK(entries[0].inode == f.tree.getattr(a).value().inode);
    CHECK(entries[0].next_offset == 1);
    CHECK(entries[1].name == "..");
    CHECK(entries[1].inode == 1);
    CHECK(entries.back().next_offset == 0x7fffffff);
    for (std::size_t i = 2; i < entries.size(); i++) {
        CHECK(entries[i - 1].next_offset == name_hash(entries[i].name));
        const Attributes found = f.tree.lookup(a, entries[i].name).value();
        CHECK(entries[i].inode == found.inode);
        CHECK(entries[i].type == (found.mode & S_IFMT));
        CHECK((entries[i].type == S_IFDIR) == (found.node == b));
        if (i > 2) {
            CHECK(name_hash(entries[i - 1].name) < name_hash(entries[i].name));
        }
    }
    auto root = f.open_directory();
    CHECK(list(f, *root)[1].inode == 1);
}

TEST_CASE("a listing can stop and go on anywhere", "[vfs]") {
    Fixture f;
    for (int i = 0; i < 20; i++) {
        f.mkdir(kRootNode, "group" + std::to_string(i));
    }
    auto directory = f.open_directory();
    const auto whole = list(f, *directory);
    REQUIRE(whole.size() == 28);
    for (const std::size_t step : {1, 2, 3, 7}) {
        const auto pieces = list(f, *directory, step);
        REQUIRE(pieces.size() == whole.size());
        for (std::size_t i = 0; i < whole.size(); i++) {
            CHECK(pieces[i].name == whole[i].name);
            CHECK(pieces[i].next_offset == whole[i].next_offset);
        }
    }
    // A position whose entry has gone resumes at the next one.
    const std::uint64_t offset = name_hash("group7");
    REQUIRE(f.tree.rmdir(kRootNode, "group7").ok());
    const auto rest = f.tree.readdir(*directory, offset, 1).value();
    REQUIRE(rest.size() == 1);
    CHECK(name_hash(rest[0].name) > offset);
    CHECK(f.tree.readdir(*directory, 0x7fffffff, 1).value().empty());
}

TEST_CASE("names with one hash are each listed once", "[vfs]") {
    const std::pair<std::string, std::string> pair{"4025cb6122e", "24477e0ac3f"};
    REQUIRE(name_hash(pair.first) == name_hash(pair.second));
    Fixture f;
    f.mkdir(kRootNode, pair.first);
    f.mkdir(kRootNode, pair.second);
    auto directory = f.open_directory();
    for (const std::size_t step : {1, 2, 3, 100}) {
        std::set<std::string> names;
        std::set<std::uint64_t> offsets;
        for (const DirectoryEntry& entry : list(f, *directory, step)) {
            CHECK(names.insert(entry.name).second);
            CHECK(offsets.insert(entry.next_offset).second);
        }
        CHECK(names.size() == 10);
    }
}

TEST_CASE("files come and go in listings", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const DirKey key = f.provider.last_key();
    auto directory = f.open_directory(a);
    CHECK(list(f, *directory).size() == 8);
    f.provider.set_optional(key, true);
    CHECK(list(f, *directory).size() == 9);
    f.provider.set_optional(key, false);
    CHECK(list(f, *directory).size() == 8);
}

TEST_CASE("a layout directory lists its hierarchies", "[vfs]") {
    Fixture f{DirKey{}};
    f.tree.add_hierarchy("memory", FakeProvider::kRoot);
    auto directory = f.open_directory();
    const auto entries = list(f, *directory);
    REQUIRE(entries.size() == 3);
    CHECK(entries[1].inode == kLayoutInode);
    CHECK(entries[2].name == "memory");
    CHECK(entries[2].inode == 1);
}

TEST_CASE("a file is not a directory", "[vfs]") {
    Fixture f;
    auto file = f.open(kRootNode, "tasks");
    CHECK(error_of(f.tree.readdir(*file, 0, 1)) == ENOTDIR);
}

}  // namespace
}  // namespace memcgfs::vfs::testing
