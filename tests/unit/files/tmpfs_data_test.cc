// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "support/catch.hpp"
#include "unit/files/fixture.h"

namespace memcgfs::files::testing {
namespace {

TEST_CASE("what is written is read, and counts in whole pages", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    CHECK(f.write(a, 4090, "0123456789").value() == 10);
    CHECK(f.stat(a).st_size == 4100);
    CHECK(f.stat(a).st_blocks == 16);
    CHECK(f.read(a, 4088, 100) == std::string("\0\0", 2) + "0123456789");
    CHECK(f.read(a, 4100, 10).empty());
    CHECK(f.read(a, 1 << 20, 10).empty());
    CHECK(f.bank.in_memory() == Pages{2});
}

TEST_CASE("a file is cut, and nothing of it comes back", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    REQUIRE(f.write(a, 0, std::string(3 * 4096, 'a')).ok());
    f.fs.take_freed();
    REQUIRE(f.fs.setattr(a, {.size = 4100}).ok());
    CHECK(f.stat(a).st_blocks == 16);
    const auto freed = f.fs.take_freed();
    REQUIRE(freed.size() == 1);
    CHECK(freed[0].run.first == 2);
    REQUIRE(f.fs.setattr(a, {.size = 3 * 4096}).ok());
    CHECK(f.read(a, 4098, 5) == std::string("aa\0\0\0", 5));
    CHECK(f.stat(a).st_blocks == 16);
    CHECK(error_of(f.fs.setattr(kRootInode, {.size = 0})) == EISDIR);
    CHECK(error_of(f.fs.setattr(a, {.size = UINT64_MAX})) == EFBIG);
}

TEST_CASE("the size limit stops a write where it is reached", "[files]") {
    Fixture f({.blocks = Pages{4}});
    const InodeId a = f.make("a");
    CHECK(f.write(a, 4096, std::string(5 * 4096, 'a')).value() == 4 * 4096);
    CHECK(f.fs.statfs().f_bfree == 0);
    CHECK(error_of(f.write(a, 0, "x")) == ENOSPC);
    CHECK(f.write(a, 5 * 4096 - 1, "xy").value() == 1);
    REQUIRE(f.fs.unlink({kRootInode, "a"}).ok());
    CHECK(f.fs.statfs().f_bfree == 4);
}

TEST_CASE("holes are punched, and the rest of their pages made zero", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    REQUIRE(f.write(a, 0, std::string(4 * 4096, 'a')).ok());
    REQUIRE(f.fs.punch_hole(a, 4000, 4096 + 200).ok());
    CHECK(f.stat(a).st_blocks == 24);
    CHECK(f.stat(a).st_size == 4 * 4096);
    CHECK(f.read(a, 3999, 2) == std::string("a\0", 2));
    CHECK(f.read(a, 8295, 2) == std::string(1, '\0') + "a");
    REQUIRE(f.fs.punch_hole(a, 12300, 10).ok());
    CHECK(f.stat(a).st_blocks == 24);
    CHECK(f.read(a, 12299, 12) == "a" + std::string(10, '\0') + "a");
}

TEST_CASE("data and holes are found", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    REQUIRE(f.fs.setattr(a, {.size = 100000}).ok());
    CHECK(error_of(f.fs.seek(a, 0, SEEK_DATA)) == ENXIO);
    CHECK(f.fs.seek(a, 5, SEEK_HOLE).value() == 5);
    REQUIRE(f.write(a, 8192, std::string("\0", 1)).ok());
    CHECK(f.fs.seek(a, 5, SEEK_DATA).value() == 8192);
    CHECK(f.fs.seek(a, 8200, SEEK_DATA).value() == 8200);
    CHECK(f.fs.seek(a, 8192, SEEK_HOLE).value() == 12288);
    CHECK(error_of(f.fs.seek(a, 100000, SEEK_HOLE)) == ENXIO);
    CHECK(error_of(f.fs.seek(a, 12288, SEEK_DATA)) == ENXIO);
    REQUIRE(f.fs.setattr(a, {.size = 8200}).ok());
    CHECK(f.fs.seek(a, 8192, SEEK_HOLE).value() == 8200);
}

TEST_CASE("pages that were to be had are told and can be given back", "[files]") {
    Fixture f({.blocks = Pages{10}});
    const InodeId a = f.make("a");
    REQUIRE(f.fs.allocate(a, {2, 2}).ok());
    const auto added = f.fs.allocate(a, {0, 6}).value();
    CHECK(added == std::vector<PageRun>{{0, 2}, {4, 2}});
    CHECK(f.fs.present(a, {0, 9}) == 6);
    CHECK(f.fs.parts(a, {1, 20}) == std::vector<PageRun>{{1, 5}});
    f.fs.give_back(a, added);
    CHECK(f.fs.parts(a, {0, 20}) == std::vector<PageRun>{{2, 2}});
    CHECK(f.fs.statfs().f_bfree == 8);
    CHECK(f.stat(a).st_size == 0);
}

TEST_CASE("limits change as far as what there is allows", "[files]") {
    Fixture f({.blocks = Pages{10}, .inodes = 10});
    const InodeId a = f.make("a");
    REQUIRE(f.fs.allocate(a, {0, 5}).ok());
    CHECK(error_of(f.fs.set_limits(Pages{4}, std::nullopt)) == EINVAL);
    CHECK(error_of(f.fs.set_limits(std::nullopt, 1)) == EINVAL);
    CHECK(error_of(f.fs.set_limits(Pages{5}, 2)) == 0);
    CHECK(f.fs.statfs().f_bfree == 0);
    CHECK(error_of(f.fs.set_limits(Pages{0}, std::nullopt)) == 0);
    CHECK(f.fs.statfs().f_blocks == 0);
    CHECK(error_of(f.fs.set_limits(Pages{100}, std::nullopt)) == EINVAL);
}

TEST_CASE("the time of the last read moves on after a change only", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    REQUIRE(f.write(a, 0, "x").ok());
    f.read(a, 0, 1);
    const time_t first = f.stat(a).st_atim.tv_sec;
    f.read(a, 0, 1);
    CHECK(f.stat(a).st_atim.tv_sec == first);
    REQUIRE(f.write(a, 0, "y").ok());
    f.read(a, 0, 1);
    CHECK(f.stat(a).st_atim.tv_sec > first);
}

}  // namespace
}  // namespace memcgfs::files::testing
