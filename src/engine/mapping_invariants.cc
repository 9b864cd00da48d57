// SPDX-License-Identifier: MIT
//
// What must hold of every mapping between any two steps: its counts, and those of the groups that
// own its pages, are those of its runs; shadows are where no page is.
#include <algorithm>
#include <array>
#include <map>

#include "engine/page_state.h"
#include "engine/state.h"
#include "engine/torn_page.h"
#include "engine/zswap.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr std::array kCounted{StatItem::kAnon,       StatItem::kFile,      StatItem::kShmem,
                              StatItem::kFileMapped, StatItem::kFileDirty, StatItem::kFileWriteback,
                              StatItem::kSwapCached, StatItem::kAnonThp};

void check_shadows(const Mapping& mapping, const Extent& extent) {
    const auto shadow = mapping.shadows.next(extent.first);
    const bool swapped = extent.state.where == PageState::Where::kSwapped;
    MEMCGFS_ASSERT(swapped || !shadow || *shadow >= extent.end());
}

void check_state(const Mapping& mapping, const PageState& page_state) {
    const bool file = mapping.kind() == PageKind::kFile;
    MEMCGFS_ASSERT((page_state.young & ~page_state.mapped) == 0);
    MEMCGFS_ASSERT(!page_state.dirty || file || page_state.lazyfree || page_state.swap_slot);
    MEMCGFS_ASSERT(!page_state.readahead || page_state.detached);
    MEMCGFS_ASSERT(!page_state.detached || (page_state.swap_slot && page_state.mapped == 0));
    // A huge page with slots is on its way out.
    MEMCGFS_ASSERT(!page_state.huge || (mapping.kind() == PageKind::kAnon &&
                                        page_state.swap_slot == page_state.detached));
    MEMCGFS_ASSERT(!page_state.torn || (mapping.kind() == PageKind::kAnon && !page_state.huge &&
                                        !page_state.swap_slot && page_state.mapped == 0));
    MEMCGFS_ASSERT(!page_state.lazyfree || mapping.kind() == PageKind::kAnon);
    MEMCGFS_ASSERT(page_state.list == LruList::kUnevictable ||
                   is_file(page_state.list) == (file || page_state.lazyfree));
}

/// A torn huge page has parts, but not all, and waits for a shrinker.
void check_torn(const Engine::State& state, Mapping& mapping, const Extent& torn) {
    MEMCGFS_ASSERT(torn.state.torn == (torn.first >= kTornOffset));
    if (!torn.state.torn) {
        return;
    }
    for (std::uint64_t first = torn.first; first < torn.end(); first += kHugePages) {
        const Pages mapped = parts_of(mapping, first);
        MEMCGFS_ASSERT(Pages{0} < mapped && mapped < Pages{kHugePages});
        MEMCGFS_ASSERT(state.torn_pages.contains(torn.memcg->id(), {mapping.id(), first}));
    }
}

/// A part is of one torn huge page and its group's.
void check_part(Mapping& mapping, const Extent& part) {
    const Extent* torn = mapping.find(part.first + kTornOffset);
    MEMCGFS_ASSERT(torn != nullptr && torn->state.torn && torn->memcg == part.memcg);
    MEMCGFS_ASSERT(mapping.huge_offset(part.first) + part.count <= kHugePages);
    MEMCGFS_ASSERT(torn->state.node == part.state.node);
    MEMCGFS_ASSERT((part.state.young & ~part.state.mapped) == 0);
}

/// A second set of books: what each group's numbers come to, run by run.
class Books {
public:
    void add(Mapping& mapping, const Extent& extent) {
        auto [it, inserted] = groups_.try_emplace(extent.memcg->id().value);
        if (inserted) {
            it->second = std::make_unique<Memcg>(MemcgId{1}, nullptr, CgroupId{});
        }
        PageState page_state = extent.state;
        page_state.node = 0;
        count_pages(*it->second, mapping, page_state, static_cast<std::int64_t>(extent.count));
    }
    void compare(const Memcg& memcg) const {
        const auto it = groups_.find(memcg.id().value);
        for (const StatItem item : kCounted) {
            MEMCGFS_ASSERT(memcg.stat(item) == (it != groups_.end() ? it->second->stat(item) : 0));
        }
    }

private:
    std::map<std::uint64_t, std::unique_ptr<Memcg>> groups_;
};

/// Compressed pages, run by run, and what they come to.
class ZswapBooks {
public:
    void add(const Engine::State& state, const Extent& extent) {
        if (extent.zswap_owner == nullptr) {
            return;
        }
        const bool resident = extent.state.where == PageState::Where::kResident;
        MEMCGFS_ASSERT(!resident ||
                       (extent.state.swap_slot && !state.profile().zswap_load_frees));
        MEMCGFS_ASSERT(extent.zswap_owner->online);
        groups_[extent.zswap_owner->id().value] += extent.count;
        stored_ += Pages{extent.count};
    }
    void compare(const Engine::State& state) const {
        MEMCGFS_ASSERT(state.zswap.stored == stored_);
        MEMCGFS_ASSERT(stored_ > Pages{0} || state.zswap.size == Bytes{0});
        const std::uint64_t page_bytes = zswap_page_bytes(state);
        MEMCGFS_ASSERT(state.zswap.size.count() >= stored_.count() * page_bytes);
        state.memcgs.for_each([&](const Memcg& memcg) {
            const auto it = groups_.find(memcg.id().value);
            const std::uint64_t pages = it != groups_.end() ? it->second : 0;
            const bool paid = !memcg.is_root() && !state.memory_on_v1() &&
                              state.profile().zswap_charges;
            const auto stat = [&](StatItem item) {
                return static_cast<std::uint64_t>(memcg.stat(item));
            };
            MEMCGFS_ASSERT(stat(StatItem::kZswapped) == (paid ? pages : 0));
            MEMCGFS_ASSERT(stat(StatItem::kZswap) == (paid ? pages * page_bytes : 0));
            MEMCGFS_ASSERT(stat(StatItem::kKernel) * kPageSize >= stat(StatItem::kZswap));
            const auto lru = state.zswap.lrus.find(memcg.id().value);
            const std::uint64_t listed = lru != state.zswap.lrus.end() ? lru->second.size() : 0;
            MEMCGFS_ASSERT(listed == (state.profile().zswap_lru_per_memcg ? pages : 0));
        });
    }

private:
    std::map<std::uint64_t, std::uint64_t> groups_;
    Pages stored_{};
};

void check_mapping(const Engine::State& state, Mapping& mapping, Books& books,
                   ZswapBooks& zswap) {
    Pages resident{};
    Pages swapped{};
    const Pages dirty = std::exchange(mapping.dirty, Pages{0});
    const Pages writeback = std::exchange(mapping.writeback, Pages{0});
    std::uint64_t index = 0;
    while (const Extent* extent = mapping.next(index)) {
        MEMCGFS_ASSERT(extent->count > 0 && extent->first >= index);
        index = extent->end();
        check_shadows(mapping, *extent);
        zswap.add(state, *extent);
        if (extent->state.where == PageState::Where::kSwapped) {
            MEMCGFS_ASSERT(mapping.kind() != PageKind::kFile);
            swapped += Pages{extent->count};
            continue;
        }
        if (extent->state.where == PageState::Where::kPart) {
            check_part(mapping, *extent);
            books.add(mapping, *extent);
            continue;
        }
        resident += Pages{extent->count};
        check_state(mapping, extent->state);
        check_torn(state, mapping, *extent);
        MEMCGFS_ASSERT(!extent->state.compound() || (mapping.huge_offset(extent->first) == 0 &&
                                                     extent->count % kHugePages == 0));
        books.add(mapping, *extent);
    }
    MEMCGFS_ASSERT(mapping.resident == resident);
    MEMCGFS_ASSERT(mapping.swapped == swapped);
    MEMCGFS_ASSERT(mapping.dirty == dirty);
    MEMCGFS_ASSERT(mapping.writeback == writeback);
    const auto& waiting = state.dirty_mappings;
    const bool waits = std::find(waiting.begin(), waiting.end(), mapping.id()) != waiting.end();
    MEMCGFS_ASSERT(mapping.waits_for_flusher == waits && (waits || dirty == Pages{0}));
}

}  // namespace

void check_mappings(const Engine::State& state) {
    Books books;
    ZswapBooks zswap;
    state.mappings.for_each([&](Mapping& mapping) { check_mapping(state, mapping, books, zswap); });
    zswap.compare(state);
    state.memcgs.for_each([&](const Memcg& memcg) { books.compare(memcg); });
    MEMCGFS_ASSERT(state.dirty_mappings.empty() || state.flusher_running);
    for (const IoQueue& queue : state.io_queues) {
        MEMCGFS_ASSERT(queue.requests.empty() || state.io_worker_running);
    }
}

}  // namespace memcgfs::engine
