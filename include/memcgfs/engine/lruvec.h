// SPDX-License-Identifier: MIT
//
// Pages as runs: mappings, extents and the per-memcg LRU lists (struct lruvec, 6.1).
//
// An Extent is a run of consecutive pages of one mapping in the same state: resident (then it is
// on exactly one list of one memcg) or swapped out. A run that is touched or scanned in part is
// split, so exactness is per page while memory is per run. The youngest page of a run is its last
// one: touching upwards makes long runs.
//
// A huge page is 512 pages of a run that is marked so; runs of huge pages begin and end where huge
// pages do. One that is touched, moved or freed in part is split first (huge_page.h). One that is
// given up in part is torn (torn_page.h): all of it stays on its list, as an extent of 512 pages
// behind all others of the mapping; what is still mapped are its parts, at their old places.
//
// Invariants: a list's `pages` is the sum of its extents' counts; neighbours on a list have the
// same memcg and list. Engine lock held for everything.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <type_traits>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/mapping_users.h"
#include "memcgfs/engine/shadow.h"
#include "memcgfs/engine/stat_items.h"

namespace memcgfs::engine {

class Memcg;
class Mapping;

/// State that all pages of one extent share. Equal states side by side are merged.
struct PageState {
    enum class Where : std::uint8_t {
        kResident,
        kSwapped,
        kPart,  ///< mapped pages of a torn huge page: on no list, in memory with all of that
    };
    Where where = Where::kResident;
    LruList list = LruList::kInactiveAnon;
    std::uint8_t mapped = 0;  ///< whose page tables it is in: bits of MappingUsers
    std::uint8_t young = 0;   ///< which of those have used it lately (the accessed bit)
    bool referenced = false;  ///< PG_referenced
    bool workingset = false;  ///< PG_workingset
    bool swap_slot = false;   ///< resident and still owns its slot (swap cache)
    bool dirty = false;       ///< newer than on disk or in its slot; lazily freed: written since
    bool writeback = false;   ///< being written
    bool reclaim = false;     ///< PG_reclaim: to the tail once it has been written
    bool lazyfree = false;    ///< MADV_FREE: an anonymous page that lives on the file lists
    bool detached = false;    ///< only the swap cache has it: on its way out, or not yet fetched
    bool huge = false;        ///< of a huge page that is whole
    bool torn = false;        ///< a huge page of which only parts are mapped: all 512 pages of it
    bool readahead = false;   ///< read from swap for its neighbour's sake, not used yet
    std::uint8_t device = 0;  ///< the swap device of the slot, where there is one
    NodeId node = 0;          ///< where a resident page is; 0 for a swapped one
    ZoneType zone = ZoneType::kDma;  ///< likewise
    /// The lists hold it in units of a huge page.
    bool compound() const { return huge || torn; }
    /// Of all bytes at once: asked for each page that comes.
    bool operator==(const PageState& other) const {
        return std::memcmp(this, &other, sizeof(PageState)) == 0;
    }
};
static_assert(std::has_unique_object_representations_v<PageState>);

struct Extent {
    Mapping* mapping = nullptr;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    /// Owner: of the page (resident) or of the slot (swapped).
    Memcg* memcg = nullptr;
    Memcg* slot_owner = nullptr;   ///< v2: whose slots a resident page's are
    Memcg* zswap_owner = nullptr;  ///< who pays for the compressed copies; nullptr: there are none
    PageState state;
    Extent* newer = nullptr;  ///< towards the head
    Extent* older = nullptr;  ///< towards the tail
    std::uint64_t end() const { return first + count; }
    /// Pages as the allocator counts them, a huge one as one (folios).
    std::uint64_t folios() const { return state.compound() ? count / kHugePages : count; }
};

enum class PageKind : std::uint8_t {
    kAnon,
    kFile,   ///< page cache of a disk file
    kShmem,  ///< tmpfs, shared anonymous, System V: counts as cache, lives on the anon lists
};

/// madvise(2) with MADV_HUGEPAGE or MADV_NOHUGEPAGE.
enum class HugeAdvice : std::uint8_t { kNone, kHuge, kNever };

/// What pages belong to: an anonymous region or a file (struct address_space, struct anon_vma).
class Mapping {
public:
    Mapping(MappingId id, PageKind kind) : id_(id), kind_(kind) {}
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    MappingId id() const { return id_; }
    PageKind kind() const { return kind_; }

    /// The extent that holds page `index`, or nullptr if the page has no state.
    Extent* find(std::uint64_t index);
    /// The first extent that ends after `index` (it may hold it), or nullptr.
    Extent* next(std::uint64_t index);
    /// A new extent over pages that have none. Not on any list yet.
    Extent& insert(std::uint64_t first, std::uint64_t count, Memcg* memcg, PageState state);
    /// Forgets an extent that is on no list.
    void erase(Extent& extent);
    /// Makes `at` (inside the extent) the start of an extent of its own and returns that one;
    /// on a list it stays on the younger side. `at == first` returns the extent itself.
    Extent& split(Extent& extent, std::uint64_t at);
    bool empty() const { return extents_.empty(); }
    /// Lowest page first.
    template <class Visit>
    void for_each_extent(Visit visit) const {
        for (const auto& [first, extent] : extents_) {
            visit(extent);
        }
    }

    /// The same for an extent that is on no list: swapped out, or isolated by reclaim.
    Extent& split_isolated(Extent& extent, std::uint64_t at);
    /// How far page `index` is into its huge page.
    std::uint64_t huge_offset(std::uint64_t index) const { return (address + index) % kHugePages; }
    /// Gives an extent another place in the mapping, where nothing is; it stays on its list.
    void move(Extent& extent, std::uint64_t first);
    /// Joins a swapped extent to the one before it if they are of one owner.
    void merge_swapped(Extent& extent);

    std::uint32_t users = 0;    ///< tasks that have it mapped
    Pages size{};               ///< what its maker asked for; 0: as far as it has been touched
    bool huge_enabled = false;  ///< whole blocks of it get huge pages
    bool huge_advised = false;  ///< and are worth a direct reclaim
    TaskId maker;               ///< for whom it was made, or none
    std::uint64_t address = 0;  ///< of its first page there, in pages
    MappingUsers user_bits;     ///< which of them are told apart
    Pages resident{};
    Pages swapped{};
    Pages dirty{};
    Pages writeback{};
    Nanos dirtied_when{};            ///< of the oldest dirty page
    bool waits_for_flusher = false;  ///< in the flusher's list
    bool executable = false;         ///< mapped with PROT_EXEC
    /// Readahead from swap: the last window, and how many of its pages have been used.
    struct SwapReadahead {
        std::uint64_t last_fault = 0;
        std::uint64_t window = 0;
        std::uint64_t hits = 4;
    };
    SwapReadahead swap_readahead;
    ShadowMap shadows;    ///< of pages that reclaim took, in the cache or in their swap slots
    bool locked = false;  ///< mlock: pages go to the unevictable list
    bool ends_with_users = false;  ///< made for a task: gone when the last user exits

private:
    MappingId id_;
    PageKind kind_;
    std::map<std::uint64_t, Extent> extents_;  // by first page
};

/// The five lists of one memcg on one node. Head: youngest. Tail: next to be scanned.
class Lruvec {
public:
    struct List {
        Extent* head = nullptr;
        Extent* tail = nullptr;
        Pages pages{};
    };

    const List& list(LruList which) const { return lists_[static_cast<std::size_t>(which)]; }
    Pages size(LruList which) const { return list(which).pages; }
    /// True if there is nothing that reclaim could look at.
    bool empty() const;

    /// Puts the extent at the head of the list that its state names; merges it into the head's
    /// run when it continues it. Returns the extent that now holds the pages.
    Extent& add_head(Extent& extent);
    /// The same at the tail: next to be scanned.
    Extent& add_tail(Extent& extent);
    /// The same, next to `place` on its younger side; joins nothing.
    void add_above(Extent& place, Extent& extent);
    void remove(Extent& extent);
    /// Lets the youngest run of the list that `state` names grow by the pages behind it. False:
    /// they do not continue it.
    bool extend_head(const Mapping& mapping, std::uint64_t first, std::uint64_t count,
                     const PageState& state);
    /// Joins an extent whose state has changed to neighbours on the list that it continues or
    /// that continue it. Returns the extent that now holds the pages.
    Extent& coalesce(Extent& extent);

    // Balance (lru_note_cost, 6.1).
    std::uint64_t anon_cost = 0;
    std::uint64_t file_cost = 0;

    /// Counts evictions and activations here and below: the clock of shadows.
    std::uint64_t nonresident_age = 0;
    /// workingset_activate_* at the end of the last reclaim for this group (lruvec->refaults).
    std::int64_t seen_activate_anon = 0;
    std::int64_t seen_activate_file = 0;

    /// v1: how far over its soft limit the group was when last looked at; 0: not in the node's
    /// tree (struct mem_cgroup_per_node's usage_in_excess).
    Pages soft_excess{};

    /// Shared cursor of reclaim walks that start here (struct mem_cgroup_reclaim_iter).
    MemcgId walk_position;
    std::uint64_t walk_generation = 0;

private:
    friend class Mapping;
    List& list_of(const Extent& extent) {
        return lists_[static_cast<std::size_t>(extent.state.list)];
    }
    /// Makes two neighbours on a list one if the younger continues the older.
    bool join(Extent& older, Extent& younger);
    /// Links `younger`, just split off `extent`, above it.
    void link_above(Extent& extent, Extent& younger);

    std::array<List, kLruListCount> lists_{};
};

}  // namespace memcgfs::engine
