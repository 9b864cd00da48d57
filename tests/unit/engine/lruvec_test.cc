// SPDX-License-Identifier: MIT
//
// Runs against a naive model: one element a page, in list order.
#include "memcgfs/engine/lruvec.h"

#include <deque>
#include <utility>

#include "memcgfs/base/random.h"
#include "memcgfs/engine/memcg.h"
#include "support/catch.hpp"

namespace memcgfs::engine {
namespace {

using PageName = std::pair<std::uint64_t, std::uint64_t>;  // mapping, index

std::deque<PageName> pages_of(const Lruvec& lruvec, LruList list) {
    std::deque<PageName> pages;  // oldest first
    for (const Extent* extent = lruvec.list(list).tail; extent != nullptr; extent = extent->newer) {
        for (std::uint64_t index = extent->first; index < extent->end(); index++) {
            pages.emplace_back(extent->mapping->id().value, index);
        }
    }
    return pages;
}

TEST_CASE("runs keep the order of their pages", "[engine][lruvec]") {
    Memcg memcg(MemcgId{1}, nullptr, CgroupId{});
    Mapping first(MappingId{1}, PageKind::kFile);
    Mapping second(MappingId{2}, PageKind::kFile);
    std::deque<PageName> model;
    Random random(7);
    std::uint64_t next_index[2] = {0, 0};
    PageState state;
    state.list = LruList::kInactiveFile;

    for (int round = 0; round < 2000; round++) {
        if (model.empty() || random.below(3) != 0) {
            Mapping& mapping = random.below(4) == 0 ? second : first;
            const std::size_t which = &mapping == &second ? 1 : 0;
            const std::uint64_t count = 1 + random.below(5);
            Extent& extent = mapping.insert(next_index[which], count, &memcg, state);
            memcg.lruvec(0).add_head(extent);
            for (std::uint64_t page = 0; page < count; page++) {
                model.emplace_back(mapping.id().value, next_index[which]++);
            }
        } else {
            // Take some of the oldest run: rotate it to the head, or drop it.
            Extent* tail = memcg.lruvec(0).list(LruList::kInactiveFile).tail;
            const std::uint64_t count = 1 + random.below(tail->count);
            if (count < tail->count) {
                tail->mapping->split(*tail, tail->first + count);
            }
            memcg.lruvec(0).remove(*tail);
            std::deque<PageName> taken(model.begin(),
                                       model.begin() + static_cast<std::ptrdiff_t>(count));
            model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
            if (random.below(2) == 0) {
                memcg.lruvec(0).add_head(*tail);
                model.insert(model.end(), taken.begin(), taken.end());
            } else {
                tail->mapping->erase(*tail);
            }
        }
        REQUIRE(memcg.lruvec(0).size(LruList::kInactiveFile).count() == model.size());
    }
    CHECK(pages_of(memcg.lruvec(0), LruList::kInactiveFile) == model);
}

TEST_CASE("pages touched in order are one run", "[engine][lruvec]") {
    Memcg memcg(MemcgId{1}, nullptr, CgroupId{});
    Mapping mapping(MappingId{1}, PageKind::kAnon);
    for (std::uint64_t index = 0; index < 100; index++) {
        memcg.lruvec(0).add_head(mapping.insert(index, 1, &memcg, {}));
    }
    const Lruvec::List& list = memcg.lruvec(0).list(LruList::kInactiveAnon);
    CHECK(list.head == list.tail);
    CHECK(list.head->count == 100);
    CHECK(mapping.find(99) == list.head);
    CHECK(mapping.find(100) == nullptr);
    CHECK(mapping.next(100) == nullptr);
}

TEST_CASE("an extent splits where it is asked to", "[engine][lruvec]") {
    Memcg memcg(MemcgId{1}, nullptr, CgroupId{});
    Mapping mapping(MappingId{1}, PageKind::kAnon);
    Extent& extent = memcg.lruvec(0).add_head(mapping.insert(10, 10, &memcg, {}));
    CHECK(&mapping.split(extent, 10) == &extent);
    Extent& younger = mapping.split(extent, 14);
    CHECK(extent.count == 4);
    CHECK(younger.first == 14);
    CHECK(younger.count == 6);
    CHECK(extent.newer == &younger);
    CHECK(memcg.lruvec(0).list(LruList::kInactiveAnon).head == &younger);
    CHECK(mapping.next(0) == &extent);
    CHECK(mapping.find(13) == &extent);
    CHECK(mapping.find(14) == &younger);
}

}  // namespace
}  // namespace memcgfs::engine
