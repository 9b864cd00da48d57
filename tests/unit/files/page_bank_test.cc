// SPDX-License-Identifier: MIT
#include "memcgfs/files/page_bank.h"

#include <array>
#include <vector>

#include "support/catch.hpp"

namespace memcgfs::files {
namespace {

using PageBytes = std::array<std::byte, kPageSize>;

PageBytes page_of(int value) {
    PageBytes page{};
    page.fill(static_cast<std::byte>(value));
    return page;
}

PageBytes content(const PageBank& bank, PageBank::Slot slot) {
    PageBytes page{};
    REQUIRE(bank.read(slot, 0, page).ok());
    return page;
}

TEST_CASE("pages beyond the memory go to a file, and all are kept", "[files]") {
    PageBank bank({.memory = Pages{4}, .directory = "/tmp"});
    std::vector<PageBank::Slot> slots;
    for (int i = 1; i <= 40; i++) {
        slots.push_back(bank.put(page_of(i)).value());
    }
    CHECK(bank.in_memory() == Pages{4});
    CHECK(bank.in_file() == Pages{36});
    for (int i = 1; i <= 40; i++) {
        CHECK(content(bank, slots[static_cast<std::size_t>(i - 1)]) == page_of(i));
    }
}

TEST_CASE("what is given back is used again", "[files]") {
    PageBank bank({.memory = Pages{2}, .directory = "/tmp"});
    std::vector<PageBank::Slot> slots;
    for (int i = 0; i < 4; i++) {
        slots.push_back(bank.put(page_of(i + 1)).value());
    }
    bank.give_back(slots[0]);
    bank.give_back(slots[3]);
    CHECK(bank.in_memory() == Pages{1});
    CHECK(bank.in_file() == Pages{1});
    const PageBank::Slot memory = bank.put(page_of(9)).value();
    const PageBank::Slot file = bank.put(page_of(8)).value();
    CHECK(memory == slots[0]);
    CHECK(file == slots[3]);
    CHECK(content(bank, memory) == page_of(9));
    CHECK(content(bank, file) == page_of(8));
    CHECK(content(bank, slots[2]) == page_of(3));
}

TEST_CASE("parts of pages are written and read, in memory and in the file", "[files]") {
    PageBank bank({.memory = Pages{1}, .directory = "/tmp"});
    for (int i = 0; i < 2; i++) {
        const PageBank::Slot slot = bank.put(page_of(7)).value();
        const std::array<std::byte, 3> some = {std::byte{1}, std::byte{2}, std::byte{3}};
        REQUIRE(bank.write(slot, 4000, some).ok());
        std::array<std::byte, 5> read{};
        REQUIRE(bank.read(slot, 3999, read).ok());
        CHECK(read == std::array<std::byte, 5>{std::byte{7}, std::byte{1}, std::byte{2},
                                               std::byte{3}, std::byte{7}});
    }
}

TEST_CASE("without a place for the file there is no room", "[files]") {
    PageBank bank({.memory = Pages{1}, .directory = "/proc/none"});
    REQUIRE(bank.put(page_of(1)).ok());
    const auto second = bank.put(page_of(2));
    REQUIRE(!second.ok());
    CHECK(second.error() == Errno::kENOSPC);
}

TEST_CASE("zeros are told from all else, wherever it is", "[files]") {
    std::vector<std::byte> bytes(kPageSize + 3);
    CHECK(is_zero(bytes));
    CHECK(is_zero({}));
    for (const std::size_t at : {std::size_t{0}, std::size_t{511}, std::size_t{4095},
                                 std::size_t{4096}, bytes.size() - 1}) {
        bytes[at] = std::byte{1};
        CHECK(!is_zero(bytes));
        bytes[at] = std::byte{0};
    }
}

}  // namespace
}  // namespace memcgfs::files
