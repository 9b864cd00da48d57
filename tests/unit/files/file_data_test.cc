// SPDX-License-Identifier: MIT
#include <string>

#include "support/catch.hpp"
#include "unit/files/fixture.h"

namespace memcgfs::files::testing {
namespace {

std::string read(const FileData& data, std::uint64_t offset, std::size_t size) {
    std::string text(size, 'x');
    REQUIRE(data.read(offset, std::as_writable_bytes(std::span(text))).ok());
    return text;
}

TEST_CASE("zeros are allocated and cost nothing", "[files]") {
    PageBank bank({.memory = Pages{4}, .directory = "/tmp"});
    FileData data(bank);
    const std::uint64_t pages = (std::uint64_t{13} << 30U) / kPageSize;
    data.allocate({0, pages});
    CHECK(data.allocated() == Pages{pages});
    const std::string zeros(128 * 1024, '\0');
    CHECK(data.write(4096, bytes_of(zeros)).value() == zeros.size());
    CHECK(bank.in_memory() == Pages{0});
    CHECK(data.is_empty({0, pages}));
    CHECK(read(data, 8000, 10) == std::string(10, '\0'));
}

TEST_CASE("a page is kept as long as it may be more than zeros", "[files]") {
    PageBank bank({.memory = Pages{4}, .directory = "/tmp"});
    FileData data(bank);
    data.allocate({0, 3});
    REQUIRE(data.write(4000, bytes_of(std::string(200, 'a'))).ok());
    CHECK(bank.in_memory() == Pages{2});
    CHECK(read(data, 3999, 202) == '\0' + std::string(200, 'a') + '\0');
    REQUIRE(data.write(4096, bytes_of(std::string(4096, '\0'))).ok());
    CHECK(bank.in_memory() == Pages{1});
    CHECK(read(data, 4094, 4) == std::string("aa\0\0", 4));
    REQUIRE(data.write(4000, bytes_of(std::string(50, '\0'))).ok());
    CHECK(read(data, 4049, 2) == std::string("\0a", 2));
    data.cut(0);
    CHECK(bank.in_memory() == Pages{0});
    CHECK(data.allocated() == Pages{0});
}

TEST_CASE("holes and pages are found across leaves", "[files]") {
    PageBank bank({.memory = Pages{4}, .directory = "/tmp"});
    FileData data(bank);
    CHECK(data.holes({5, 10}) == std::vector<PageRun>{{5, 10}});
    data.allocate({500, 600});
    data.allocate({2000, 1});
    CHECK(data.holes({490, 2000}) == std::vector<PageRun>{{490, 10}, {1100, 900}, {2001, 489}});
    CHECK(data.next(0, 5000, true) == 500);
    CHECK(data.next(0, 400, true) == 400);
    CHECK(data.next(505, 5000, true) == 505);
    CHECK(data.next(1100, 5000, true) == 2000);
    CHECK(data.next(2001, 5000, true) == 5000);
    CHECK(data.next(500, 5000, false) == 1100);
    CHECK(data.next(500, 900, false) == 900);
    CHECK(data.next(7, 5000, false) == 7);
    CHECK(data.next(9, 9, false) == 9);
    data.free({511, 2});
    CHECK(data.holes({500, 600}) == std::vector<PageRun>{{511, 2}});
    CHECK(data.allocated() == Pages{599});
}

TEST_CASE("when the bank is full, what found room is told", "[files]") {
    PageBank bank({.memory = Pages{2}, .directory = "/proc/none"});
    FileData data(bank);
    data.allocate({0, 4});
    CHECK(data.write(100, bytes_of(std::string(4 * 4096 - 100, 'z'))).value() == 2 * 4096 - 100);
    const auto none = data.write(3 * 4096, bytes_of("z"));
    REQUIRE(!none.ok());
    CHECK(none.error() == Errno::kENOSPC);
    CHECK(read(data, 2 * 4096, 2) == std::string(2, '\0'));
}

}  // namespace
}  // namespace memcgfs::files::testing
