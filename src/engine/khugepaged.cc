// SPDX-License-Identifier: MIT
#include "engine/khugepaged.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/fault_charge.h"
#include "engine/huge_page.h"
#include "engine/members.h"
#include "engine/page_alloc.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/swap_fault.h"

namespace memcgfs::engine {

namespace {

constexpr Pages kHuge{kHugePages};
// /sys/kernel/mm/transparent_hugepage/khugepaged.
constexpr std::uint64_t kPagesToScan = 4096;
constexpr Nanos kScanSleep = from_millis(10'000);
constexpr Nanos kAllocSleep = from_millis(60'000);
constexpr std::uint64_t kMaxPtesNone = 511;
constexpr std::uint64_t kMaxPtesSwap = 64;

/// 2 MiB of a region that a huge page could map.
struct Block {
    MappingId mapping;
    Engine::Range range{};
    std::uint64_t address = 0;
};

bool is_candidate(const Mapping& mapping) { return mapping.huge_enabled && mapping.users == 1; }

/// The lowest block of the task's from `address` on.
std::optional<Block> next_block(const Engine::State& state, const Task& task,
                                std::uint64_t address) {
    std::optional<Block> lowest;
    for (const MappingId id : task.regions) {
        const Mapping* mapping = state.mappings.find(id);
        if (mapping == nullptr || !is_candidate(*mapping)) {
            continue;
        }
        const std::uint64_t from = std::max(mapping->address, address);
        const std::uint64_t first = (from + kHugePages - 1) / kHugePages * kHugePages;
        const bool fits = first + kHugePages <= mapping->address + mapping->size.count();
        if (fits && (!lowest || first < lowest->address)) {
            lowest = Block{id, {first - mapping->address, kHugePages}, first};
        }
    }
    return lowest;
}

/// What a block holds, in pages.
struct Contents {
    std::uint64_t none = 0;
    std::uint64_t swapped = 0;  ///< the swap cache may have them
    std::uint64_t used = 0;     ///< lately
    bool writable = false;      ///< some page is
    bool busy = false;          ///< some page is huge already, or is being written
    NodeId node = 0;            ///< which has the most
};

void add_contents(const Engine::State& state, const Extent& extent, std::uint64_t count,
                  Contents& contents) {
    const PageState& page = extent.state;
    const bool swapped = page.where == PageState::Where::kSwapped || page.detached;
    contents.busy = contents.busy || page.huge || page.writeback;
    contents.swapped += swapped ? count : 0;
    if (swapped) {
        return;
    }
    // What was read from swap is mapped read-only until it is written to.
    const bool read_only = page.swap_slot && !page.dirty && !state.profile().swap_in_is_writable;
    contents.writable = contents.writable || !read_only;
    contents.used += page.young != 0 || page.referenced ? count : 0;
}

Contents look_at(const Engine::State& state, Mapping& mapping, Engine::Range range) {
    Contents contents{.none = range.count};
    std::vector<std::uint64_t> on_node(state.nodes.size());
    const std::uint64_t end = range.first + range.count;
    std::uint64_t index = range.first;
    for (Extent* extent = mapping.next(index); extent != nullptr && extent->first < end;
         extent = mapping.next(index)) {
        const std::uint64_t count = std::min(extent->end(), end) - std::max(extent->first, index);
        index = extent->end();
        contents.none -= count;
        add_contents(state, *extent, count, contents);
        on_node[extent->state.node] += count;
    }
    const auto most = std::max_element(on_node.begin(), on_node.end());
    contents.node = static_cast<NodeId>(most - on_node.begin());
    return contents;
}

/// hpage_collapse_scan_pmd: whether a huge page is worth it.
bool worth_collapsing(Engine::State& state, const Contents& contents) {
    if (contents.busy) {
        return false;
    }
    if (contents.swapped > kMaxPtesSwap) {
        state.count(VmEvent::kThpScanExceedSwapPte, 1);
        return false;
    }
    if (contents.none > kMaxPtesNone || !contents.writable) {
        return false;
    }
    return contents.used > 0 && (contents.swapped == 0 || contents.used >= kHugePages / 2);
}

/// Puts a huge page, which has been charged to `memcg`, where small ones and nothing are.
void replace_pages(Engine::State& state, OpContext& op, const Task& task, Mapping& mapping,
                   Engine::Range range, Memcg& memcg, PageReservation& pages) {
    const std::uint64_t end = range.first + range.count;
    while (Extent* extent = mapping.next(range.first)) {
        const std::uint64_t first = std::max(extent->first, range.first);
        if (first >= end) {
            break;
        }
        free_extent(state, carve(*extent, {first, std::min(extent->end(), end) - first}));
    }
    commit_huge_charge(state, memcg);
    PageState page_state;
    page_state.huge = true;
    page_state.list = mapping.locked ? LruList::kUnevictable : LruList::kInactiveAnon;
    page_state.mapped = mapping.user_bits.bit(task.id);
    page_state.young = page_state.mapped;
    page_state.node = pages.place().node;
    page_state.zone = pages.place().zone;
    op.spend(state.machine().costs.fault * as_delta(kHuge));
    pages.use(kHuge);
    add_resident(state, mapping, range, memcg, page_state);
}

/// do_swap_page with the page in the swap cache.
void map_cached(Engine::State& state, const Task& task, Extent& extent, Engine::Range pages) {
    PageState next = extent.state;
    next.detached = false;
    next.readahead = false;
    next.mapped = extent.mapping->user_bits.bit(task.id);
    next.young = next.mapped;
    change_pages(state, carve(extent, pages), next);
}

/// The first run of the block's pages that a page table has as swap entries.
std::optional<Engine::Range> first_swapped(Mapping& mapping, Engine::Range range) {
    const std::uint64_t end = range.first + range.count;
    for (std::uint64_t index = range.first; index < end;) {
        const Extent* extent = mapping.next(index);
        if (extent == nullptr || extent->first >= end) {
            break;
        }
        const std::uint64_t first = std::max(extent->first, index);
        index = extent->end();
        if (extent->state.where == PageState::Where::kSwapped || extent->state.detached) {
            return Engine::Range{first, std::min(index, end) - first};
        }
    }
    return std::nullopt;
}

/// Reads pages that are in swap alone, for the group that has the slots. False: they are not there
/// yet, for the disk has to be waited for; or there was no room.
Coro<bool> read_swapped(Engine::State& state, OpContext& op, Block block, Engine::Range swapped,
                        PageState page_state) {
    Mapping* mapping = state.mappings.find(block.mapping);
    const Extent& extent = *mapping->next(swapped.first);
    Memcg& memcg = online_memcg(*extent.memcg);
    const MemcgPin pin(memcg);
    const std::uint64_t window = swap_window(state, extent, swapped.first);
    const std::uint64_t wanted = window != 0 ? window : swapped.count;
    Result<PageReservation> pages =
        co_await alloc_pages(state, op, Pages{wanted}, {.first = page_state.node});
    if (!pages.ok()) {
        co_return false;
    }
    const Result<std::uint64_t> charged =
        co_await charge_fault(state, op, memcg, pages->pages().count(), window != 0);
    if (!charged.ok()) {
        co_return false;
    }
    const SwapFault fault{.charged = {swapped.first, *charged},
                          .window = window,
                          .page_state = page_state,
                          .by_khugepaged = true};
    install_swapped(state, op, state.mappings.find(block.mapping), fault, memcg, *pages);
    co_return window == 0;
}

/// __collapse_huge_page_swapin. False: not all pages are mapped now.
Coro<bool> bring_back(Engine::State& state, OpContext& op, TaskId id, Block block, NodeId node) {
    for (;;) {
        const Task* task = state.tasks.find(id);
        Mapping* mapping = state.mappings.find(block.mapping);
        if (task == nullptr || mapping == nullptr || !is_candidate(*mapping)) {
            co_return false;
        }
        const auto swapped = first_swapped(*mapping, block.range);
        if (!swapped) {
            co_return true;
        }
        Extent& extent = *mapping->next(swapped->first);
        if (extent.state.detached && extent.state.huge) {
            co_return false;  // on its way out
        }
        if (extent.state.detached) {
            map_cached(state, *task, extent, *swapped);
            continue;
        }
        PageState page_state;
        page_state.list = mapping->locked ? LruList::kUnevictable : LruList::kInactiveAnon;
        page_state.mapped = mapping->user_bits.bit(id);
        page_state.young = page_state.mapped;
        page_state.node = node;
        const bool read = co_await read_swapped(state, op, block, *swapped, page_state);
        if (!read) {
            co_return false;
        }
        co_await op.pause_point();
    }
}

/// Once the huge page has been charged: whether the block is still worth it
/// (hugepage_vma_revalidate and __collapse_huge_page_isolate).
bool still_there(const Engine::State& state, TaskId id, const Block& block) {
    const Task* task = state.tasks.find(id);
    Mapping* mapping = state.mappings.find(block.mapping);
    if (task == nullptr || task->dying || mapping == nullptr || !is_candidate(*mapping)) {
        return false;
    }
    const Contents contents = look_at(state, *mapping, block.range);
    return !contents.busy && contents.swapped == 0 && contents.none <= kMaxPtesNone &&
           contents.writable && contents.used > 0;
}

/// collapse_huge_page. False: there is no free block of 2 MiB.
Coro<bool> collapse(Engine::State& state, OpContext& op, TaskId id, Block block,
                    Contents contents) {
    Memcg& memcg = charged_memcg(state, *state.tasks.find(id));
    const MemcgPin pin(memcg);
    auto pages =
        alloc_huge(state, {.first = contents.node, .allowed = NodeMask{1} << contents.node});
    if (!pages) {
        state.count(VmEvent::kThpCollapseAllocFailed, 1);
        co_return false;
    }
    state.count(VmEvent::kThpCollapseAlloc, 1);
    if (!memcg.is_root() && state.fault(FaultSite::kChargeFails)) {
        co_return true;
    }
    const ChargeRequest request{.memcg = memcg, .pages = kHuge};
    const Result<void> charged = co_await try_charge(state, op, request);
    if (!charged.ok()) {
        co_return true;
    }
    HeldCharge held(state, memcg);
    held.add(kHugePages);
    memcg.add_stat(StatItem::kThpCollapseAlloc, 1);
    const bool complete =
        contents.swapped == 0 || co_await bring_back(state, op, id, block, contents.node);
    if (complete && still_there(state, id, block)) {
        held.release();
        replace_pages(state, op, *state.tasks.find(id), *state.mappings.find(block.mapping),
                      block.range, memcg, *pages);
    }
    co_return true;
}

/// What is left of one waking's work.
struct Budget {
    std::uint64_t progress = 0;  ///< in pages
    unsigned beginnings = 0;     ///< how often the list has been begun
    bool alloc_slept = false;
};

/// Goes to the process whose turn it is; nullptr: the list has been gone through.
Task* current_task(Engine::State& state, Budget& budget) {
    Engine::State::Khugepaged& thread = state.khugepaged;
    if (thread.slot == 0) {
        budget.beginnings++;
    }
    const auto at = thread.slots.lower_bound(thread.slot);
    if (budget.beginnings > 1 || at == thread.slots.end()) {
        return nullptr;
    }
    if (at->first != thread.slot) {
        thread.slot = at->first;
        thread.address = 0;
    }
    return state.tasks.find(at->second);
}

void go_to_next_task(Engine::State::Khugepaged& thread) {
    const auto next = thread.slots.upper_bound(thread.slot);
    thread.slot = next == thread.slots.end() ? 0 : next->first;
    thread.address = 0;
}

/// khugepaged_scan_mm_slot: one process's blocks up to the first that is worth a try.
Coro<bool> scan_task(Engine::State& state, OpContext& op, TaskId id, Budget& budget) {
    Engine::State::Khugepaged& thread = state.khugepaged;
    budget.progress++;
    while (budget.progress < kPagesToScan) {
        const Task* task = state.tasks.find(id);
        const auto block = task->dying ? std::nullopt : next_block(state, *task, thread.address);
        if (!block) {
            go_to_next_task(thread);
            break;
        }
        thread.address = block->address + kHugePages;
        budget.progress += kHugePages;
        const Contents contents =
            look_at(state, *state.mappings.find(block->mapping), block->range);
        if (worth_collapsing(state, contents)) {
            co_return co_await collapse(state, op, id, *block, contents);
        }
    }
    co_return true;
}

/// khugepaged_do_scan: the work of one waking.
Coro<void> scan(Engine::State& state, OpContext& op) {
    Budget budget;
    while (budget.progress < kPagesToScan) {
        const Task* task = current_task(state, budget);
        if (task == nullptr) {
            break;
        }
        const bool had_block = co_await scan_task(state, op, task->id, budget);
        if (!had_block && budget.alloc_slept) {
            break;
        }
        if (!had_block) {
            budget.alloc_slept = true;
            co_await pause({Step::Kind::kSleep, op.clock->now() + kAllocSleep});
        }
        co_await op.pause_point();
    }
}

Coro<OperationResult> khugepaged(Engine::State& state, OpContext& op) {
    op.khugepaged = true;
    while (!state.khugepaged.slots.empty()) {
        // The kernel looks at once, too, when the first process comes; it finds nothing yet.
        co_await pause({Step::Kind::kSleep, op.clock->now() + kScanSleep});
        co_await scan(state, op);
    }
    state.khugepaged.running = false;
    co_return std::uint64_t{0};
}

}  // namespace

void khugepaged_enter(Engine::State& state, Task& task) {
    Engine::State::Khugepaged& thread = state.khugepaged;
    if (task.khugepaged_slot != 0) {
        return;
    }
    task.khugepaged_slot = thread.next_slot++;
    thread.slots.emplace(task.khugepaged_slot, task.id);
    if (!thread.running) {
        thread.running = true;
        state.emit(SpawnEffect{state.make_operation(
            "khugepaged", [&state](OpContext& op) { return khugepaged(state, op); })});
    }
}

void khugepaged_exit(Engine::State& state, Task& task) {
    state.khugepaged.slots.erase(task.khugepaged_slot);
    task.khugepaged_slot = 0;
}

}  // namespace memcgfs::engine
