// SPDX-License-Identifier: MIT
#include "meter/evicted_pages.h"

#include <sys/stat.h>

#include <array>
#include <cstddef>

#include "meter/swap_file.h"
#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

using Contents = std::array<std::byte, kPageSize>;

Contents page_of(int value) {
    Contents contents;
    contents.fill(static_cast<std::byte>(value));
    return contents;
}

struct File {
    File() {
        auto made = SwapFile::make_file("/tmp");
        REQUIRE(made.ok());
        descriptor = made->get();
        file.emplace(std::move(made).value());
    }
    bool holds(SwapFile::Slot slot, int value) {
        Contents contents{};
        return file->get(slot, contents).ok() && contents == page_of(value);
    }
    std::int64_t blocks() const {
        struct stat status{};
        REQUIRE(fstat(descriptor, &status) == 0);
        return status.st_blocks * 512 / static_cast<std::int64_t>(kPageSize);
    }
    int descriptor = -1;
    std::optional<SwapFile> file;
};

TEST_CASE("a swap file gives back what it was given, and its room") {
    File swap;
    const std::int64_t before = swap.blocks();
    std::vector<SwapFile::Slot> slots;
    for (int value = 1; value <= 100; ++value) {
        const auto slot = swap.file->put(page_of(value));
        REQUIRE(slot.ok());
        slots.push_back(*slot);
    }
    CHECK(*swap.file->put(page_of(0)) == SwapFile::kZeros);
    CHECK(swap.holds(SwapFile::kZeros, 0));
    CHECK(swap.file->used() == Pages{100});
    for (int value = 1; value <= 100; ++value) {
        CHECK(swap.holds(slots[static_cast<std::size_t>(value - 1)], value));
    }
    CHECK(swap.blocks() >= before + 99);
    for (const SwapFile::Slot slot : slots) {
        swap.file->give_back(slot);
    }
    CHECK(swap.file->used() == Pages{0});
    CHECK(swap.blocks() <= before);
    CHECK(*swap.file->put(page_of(7)) <= 100);
}

TEST_CASE("a slot of a fork is given back by the last that has it") {
    File swap;
    EvictedPages parent(*swap.file);
    parent.add(0x1000, *swap.file->put(page_of(1)));
    parent.add(0x2000, *swap.file->put(page_of(2)));
    EvictedPages child = parent.copy();
    parent.drop_all();
    CHECK(swap.file->used() == Pages{2});
    CHECK(swap.holds(*child.find(0x2000), 2));
    child.drop(0x1000, 0x2000);
    CHECK(swap.file->used() == Pages{1});
    child.drop_all();
    CHECK(swap.file->used() == Pages{0});
}

TEST_CASE("evicted pages are found in rows, moved and dropped") {
    File swap;
    EvictedPages pages(*swap.file);
    for (const std::uint64_t address : {0x1000, 0x2000, 0x3000, 0x8000}) {
        pages.add(address, *swap.file->put(page_of(static_cast<int>(address >> 12U))));
    }
    CHECK(pages.run(0x1000, Pages{64}) == Pages{3});
    CHECK(pages.run(0x1000, Pages{2}) == Pages{2});
    CHECK(pages.run(0x4000, Pages{64}) == Pages{0});
    CHECK(pages.gap(0x4000, Pages{64}) == Pages{4});
    CHECK(pages.gap(0x4000, Pages{2}) == Pages{2});
    CHECK(pages.gap(0x3000, Pages{2}) == Pages{0});
    CHECK(pages.gap(0x9000, Pages{5}) == Pages{5});

    // What was at the new place goes; the ranges may overlap.
    pages.move(0x2000, 0x7000, 0x2000);
    CHECK_FALSE(pages.find(0x2000));
    CHECK(swap.holds(*pages.find(0x7000), 2));
    CHECK(swap.holds(*pages.find(0x8000), 3));
    CHECK(swap.file->used() == Pages{3});

    pages.keep_only({{0x0, 0x1000, false}, {0x7000, 0x8000, false}});
    CHECK(pages.count() == Pages{1});
    CHECK(pages.next(0) == 0x7000U);
}

}  // namespace
}  // namespace memcgfs::meter
