// SPDX-License-Identifier: MIT
#include "vfs/file_table.h"

#include "support/catch.hpp"

namespace memcgfs::vfs {
namespace {

const std::vector<FileInfo> kFiles = {
    {.index = FileIndex{7}, .name = "tasks", .mode = 0644},
    {.index = FileIndex{3}, .name = "memory.stat", .mode = 0444},
};

TEST_CASE("a table finds by name and by index", "[vfs]") {
    const FileTable table(kFiles);
    REQUIRE(table.find("tasks") != nullptr);
    CHECK(table.find("tasks")->index == FileIndex{7});
    CHECK(table.find("task") == nullptr);
    CHECK(table.position_of(FileIndex{3}) == 1U);
    CHECK_FALSE(table.position_of(FileIndex{4}).has_value());
    CHECK(table.files[table.by_name[0].position].name == "memory.stat");  // the lower hash
}

TEST_CASE("equal lists share one table", "[vfs]") {
    FileTableCache cache;
    const auto table = cache.intern(kFiles);
    CHECK(cache.intern(kFiles) == table);
    std::vector<FileInfo> other = kFiles;
    other[1].mode = 0400;
    CHECK(cache.intern(other) != table);
    other.pop_back();
    CHECK(cache.intern(other) != table);
}

}  // namespace
}  // namespace memcgfs::vfs
