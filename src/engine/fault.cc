// SPDX-License-Identifier: MIT
//
// DEVIATION(writeback-at-once): file pages are clean as soon as they are written; there is no
// dirty or writeback state yet, so reclaim never meets one.
#include "engine/fault.h"

#include <algorithm>

#include "engine/charge.h"
#include "engine/members.h"
#include "engine/numa.h"
#include "engine/oom_report.h"
#include "engine/oom_wait.h"
#include "engine/page_alloc.h"
#include "engine/pages.h"
#include "engine/reclaim.h"
#include "engine/throttle.h"
#include "engine/workingset.h"

namespace memcgfs::engine {

namespace {

/// Pages that one step handles when nothing limits it: a root task, resident pages.
constexpr std::uint64_t kFreeStep = 512;
/// DEVIATION(oom-retry-paced): how long a fault that nobody can make room for waits before it is
/// tried again. The kernel retries at once and for ever; a processor core is spared.
constexpr Nanos kHopelessRetry = from_millis(10);

PageState fresh_state(const Mapping& mapping, const AccessRequest& request) {
    PageState page_state;
    page_state.list =
        mapping.kind() == PageKind::kFile ? LruList::kInactiveFile : LruList::kInactiveAnon;
    if (mapping.locked) {
        page_state.list = LruList::kUnevictable;
    }
    if (request.through_mmap) {
        page_state.young = 1;
        page_state.mapped = true;
    } else {
        // A read marks the page accessed once; tmpfs does so on writes too.
        page_state.referenced =
            request.access == Access::kRead || mapping.kind() == PageKind::kShmem;
    }
    return page_state;
}

/// mark_page_accessed: the second access makes an inactive page active.
void mark_accessed(Engine::State& state, Extent& extent) {
    if (!extent.state.referenced || extent.state.list == LruList::kUnevictable) {
        extent.state.referenced = true;
        return;
    }
    const bool inactive_anon = extent.state.list == LruList::kInactiveAnon;
    if (!inactive_anon && extent.state.list != LruList::kInactiveFile) {
        return;
    }
    state.lru_remove(extent);
    extent.state.referenced = false;
    extent.state.list = inactive_anon ? LruList::kActiveAnon : LruList::kActiveFile;
    extent.memcg->add_stat(StatItem::kPgactivate, static_cast<std::int64_t>(extent.count));
    age_nonresident(*extent.memcg, extent.state.node, Pages{extent.count});
    state.lru_add(extent);
}

/// Accesses resident pages from `index` on, within the extent; returns how many.
std::uint64_t access_resident(Engine::State& state, Extent& holder, std::uint64_t index,
                              std::uint64_t limit, const AccessRequest& request) {
    Mapping& mapping = *holder.mapping;
    Extent& extent = mapping.split(holder, index);
    const std::uint64_t count = std::min({extent.count, limit, kFreeStep});
    if (count < extent.count) {
        mapping.split(extent, extent.first + count);
    }
    if (request.access == Access::kWrite && extent.state.swap_slot) {
        free_swap_slots(state, extent);
    }
    if (!request.through_mmap) {
        mark_accessed(state, extent);
        return count;
    }
    if (!extent.state.mapped) {
        extent.state.mapped = true;
        extent.memcg->add_stat(StatItem::kPgfault, static_cast<std::int64_t>(count));
        if (mapping.kind() != PageKind::kAnon) {
            extent.memcg->add_node_stat(extent.state.node, StatItem::kFileMapped,
                                        static_cast<std::int64_t>(count));
        }
    }
    extent.state.young = 1;
    return count;
}

/// How many pages can be charged without the long way, which goes one by one.
Pages chargeable(const Engine::State& state, const OpContext& op, const Memcg& memcg,
                 std::uint64_t wanted) {
    const Pages ready = memcg.is_root() ? Pages{kFreeStep} : stocked(state, op.cpu, memcg);
    return std::min(Pages{wanted}, std::max(ready, Pages{1}));
}

/// Charges between 1 and `wanted` pages: as many as the stock has, else one the long way.
Coro<Result<std::uint64_t>> charge_some(Engine::State& state, OpContext& op, Memcg& memcg,
                                        std::uint64_t wanted) {
    if (memcg.is_root()) {
        co_return std::min(wanted, kFreeStep);
    }
    const Pages ready = std::min(Pages{wanted}, stocked(state, op.cpu, memcg));
    if (ready > Pages{0}) {
        consume_stock(state, op.cpu, memcg, ready);
        co_return ready.count();
    }
    if (state.fault(FaultSite::kChargeFails)) {
        co_return Err(Errno::kENOMEM);
    }
    const ChargeRequest request{.memcg = memcg};
    const Result<void> result = co_await try_charge(state, op, request);
    if (!result.ok()) {
        co_return Err(result.error());
    }
    co_return std::uint64_t{1};
}

void give_back(Engine::State& state, Memcg& memcg, std::uint64_t count) {
    if (memcg.is_root()) {
        return;
    }
    memcg.memory.uncharge(Pages{count});
    if (state.memory_on_v1()) {
        memcg.memsw.uncharge(Pages{count});
    }
}

/// What the working set decides about new pages: their list and mark.
void apply(const RefaultPart& part, PageState& page_state) {
    if (part.active && page_state.list != LruList::kUnevictable) {
        page_state.list =
            page_state.list == LruList::kInactiveFile ? LruList::kActiveFile : LruList::kActiveAnon;
    }
    page_state.workingset = part.workingset;
}

Nanos cost_of(const Engine::State& state, PageKind kind, const AccessRequest& request) {
    const Machine::Costs& costs = state.machine().costs;
    if (kind != PageKind::kFile) {
        return costs.fault;
    }
    return request.access == Access::kRead ? costs.file_read : costs.file_write;
}

/// The pages at [index, index + count) have been charged to `memcg`: puts them there. Another
/// task may have been faster while the charge took its time; then the charge goes back.
std::uint64_t install(Engine::State& state, OpContext& op, const AccessRequest& request,
                      Memcg& memcg, Engine::Range charged, PageReservation& pages) {
    Mapping* mapping = state.mappings.find(request.mapping);
    const Extent* next = mapping != nullptr ? mapping->next(charged.first) : nullptr;
    std::uint64_t count = mapping == nullptr ? 0 : charged.count;
    if (next != nullptr && next->first < charged.first + charged.count) {
        count = next->first > charged.first ? next->first - charged.first : 0;
    }
    if (count < charged.count) {
        give_back(state, memcg, charged.count - count);
    }
    if (count == 0) {
        return 0;
    }
    const auto delta = static_cast<std::int64_t>(count);
    commit_charge(state, memcg, Pages{count});
    if (request.through_mmap) {
        memcg.add_stat(StatItem::kPgfault, delta);
    }
    op.spend(cost_of(state, mapping->kind(), request) * delta);
    const PagePlace place = pages.place();
    pages.use(Pages{count});
    // What is only going to be overwritten does not come back.
    const bool rewritten = !request.through_mmap && request.access == Access::kWrite;
    for (std::uint64_t done = 0; done < count;) {
        const Engine::Range rest{charged.first + done, count - done};
        const RefaultPart part = rewritten ? RefaultPart{rest.count}
                                           : refault(state, *mapping, rest, memcg, place.node);
        PageState page_state = fresh_state(*mapping, request);
        page_state.node = place.node;
        page_state.zone = place.zone;
        apply(part, page_state);
        add_resident(state, *mapping, {rest.first, part.count}, memcg, page_state);
        done += part.count;
    }
    return count;
}

/// Brings swapped pages back, likewise.
std::uint64_t install_swapped(Engine::State& state, OpContext& op, const AccessRequest& request,
                              Memcg& memcg, Engine::Range charged, PageReservation& pages) {
    Mapping* mapping = state.mappings.find(request.mapping);
    Extent* extent = mapping != nullptr ? mapping->find(charged.first) : nullptr;
    if (extent == nullptr || extent->state.where != PageState::Where::kSwapped) {
        give_back(state, memcg, charged.count);
        return 0;
    }
    if (extent->first < charged.first) {
        extent = &mapping->split(*extent, charged.first);
    }
    std::uint64_t count = std::min(charged.count, extent->count);
    PageState page_state = fresh_state(*mapping, request);
    page_state.node = pages.place().node;
    page_state.zone = pages.place().zone;
    const RefaultPart part =
        refault(state, *mapping, {charged.first, count}, memcg, page_state.node);
    count = part.count;
    if (count < charged.count) {
        give_back(state, memcg, charged.count - count);
    }
    const auto delta = static_cast<std::int64_t>(count);
    apply(part, page_state);
    page_state.swap_slot = request.access == Access::kRead && !swap_full(state, *extent->memcg);
    commit_charge(state, memcg, Pages{count});
    memcg.add_stat(StatItem::kPgfault, delta);
    memcg.add_stat(StatItem::kPgmajfault, delta);
    op.spend(state.transfer_cost(state.machine().costs.swap_in, Pages{count}));
    pages.use(Pages{count});
    swap_in(state, *extent, count, memcg, page_state);
    return count;
}

/// What a failed charge means to the task.
enum class Failure : std::uint8_t { kRetry, kEnd };

Coro<Failure> after_failure(Engine::State& state, OpContext& op, bool through_mmap) {
    if (through_mmap) {
        const bool parked = co_await oom_synchronize(state, op);
        if (parked) {
            co_return Failure::kRetry;
        }
    }
    Task* task = state.tasks.find(op.task);
    if (task == nullptr || task->dying || !through_mmap) {
        if (task != nullptr) {
            task->memcg_in_oom = {};
        }
        co_return Failure::kEnd;
    }
    log_hopeless_fault(state);
    co_await pause({Step::Kind::kSleep, op.clock->now() + kHopelessRetry});
    co_return Failure::kRetry;
}

/// The memcg for new pages at `index`: the slot's owner for swapped ones, else the task's.
Memcg& charge_target(const Engine::State& state, const Task& task, const Extent* swapped) {
    if (swapped != nullptr && swapped->memcg->online) {
        return *swapped->memcg;
    }
    return charged_memcg(state, task);
}

/// Charges and installs pages that are absent or swapped out; returns how many, 0 to look again.
Coro<Result<std::uint64_t>> fault_pages(Engine::State& state, OpContext& op, AccessRequest request,
                                        Engine::Range absent, Extent* swapped) {
    const Task* task = state.tasks.find(op.task);
    Memcg& memcg = charge_target(state, *task, swapped);
    const bool was_swapped = swapped != nullptr;
    const MemcgPin pin(memcg);
    const PolicyChoice choice = policy_nodes(state, op, absent.first);
    const Pages wanted = std::min(chargeable(state, op, memcg, absent.count), choice.most);
    Result<PageReservation> pages = co_await alloc_pages(state, op, wanted, choice.nodes);
    if (!pages.ok()) {
        co_return Err(pages.error());
    }
    const Result<std::uint64_t> charged =
        co_await charge_some(state, op, memcg, pages->pages().count());
    if (!charged.ok()) {
        co_return Err(charged.error());
    }
    const Engine::Range range{absent.first, *charged};
    co_return was_swapped ? install_swapped(state, op, request, memcg, range, *pages)
                          : install(state, op, request, memcg, range, *pages);
}

/// Goes over the range; the number of pages newly charged, or why it ended early.
Coro<OperationResult> walk_range(Engine::State& state, OpContext& op, AccessRequest request) {
    std::uint64_t charged = 0;
    std::uint64_t index = request.range.first;
    const std::uint64_t end = request.range.first + request.range.count;
    std::uint64_t user_mode_at = index + (request.through_mmap ? 0 : request.syscall_pages);
    while (index < end) {
        const Task* task = state.tasks.find(op.task);
        Mapping* mapping = state.mappings.find(request.mapping);
        if (task == nullptr || task->dying || op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        if (mapping == nullptr) {
            co_return Err(Errno::kEINVAL);
        }
        Extent* extent = mapping->next(index);
        const bool here = extent != nullptr && extent->first <= index;
        if (here && extent->state.where == PageState::Where::kResident) {
            index += access_resident(state, *extent, index, end - index, request);
        } else {
            const std::uint64_t stop =
                here ? extent->end() : (extent != nullptr ? extent->first : end);
            const Engine::Range absent{index, std::min(stop, end) - index};
            const Result<std::uint64_t> count =
                co_await fault_pages(state, op, request, absent, here ? extent : nullptr);
            if (!count.ok()) {
                const Failure failure = co_await after_failure(state, op, request.through_mmap);
                if (failure == Failure::kEnd) {
                    co_return Err(count.error());
                }
                continue;
            }
            index += *count;
            charged += *count;
        }
        if (index >= user_mode_at || index == end) {
            co_await handle_over_high(state, op);
            user_mode_at = request.through_mmap ? index : index + request.syscall_pages;
        }
        if (index < end || op.owes_time()) {
            co_await op.pause_point();
        }
    }
    co_return charged;
}

/// Begin and end of every operation of a task: a killed task ends when its operation does.
Coro<OperationResult> as_task(Engine::State& state, OpContext& op, Coro<OperationResult> body) {
    Task* task = state.tasks.find(op.task);
    if (task == nullptr || task->dying) {
        co_return Err(Errno::kEINTR);
    }
    if (task->operation != OperationId{}) {
        co_return Err(Errno::kEBUSY);  // a kill could wake only one of them
    }
    task->operation = op.id;
    OperationResult result = co_await body;
    task = state.tasks.find(op.task);
    if (task != nullptr) {
        task->operation = {};
        if (task->dying) {
            release_task(state, op.task);
            co_return Err(Errno::kEINTR);
        }
    }
    co_return result;
}

Coro<OperationResult> pageout_body(Engine::State& state, OpContext& op) {
    std::uint64_t freed = 0;
    const Task* task = state.tasks.find(op.task);
    const std::vector<MappingId> regions = task->regions;
    for (const MappingId id : regions) {
        std::uint64_t index = 0;
        for (;;) {
            Mapping* mapping = state.mappings.find(id);
            Extent* extent = mapping != nullptr ? mapping->next(index) : nullptr;
            if (extent == nullptr || op.signal_pending) {
                break;
            }
            index = std::max(index, extent->first) + kSwapClusterMax.count();
            if (extent->state.where != PageState::Where::kResident || mapping->locked) {
                index = extent->end();
                continue;
            }
            if (extent->count > kSwapClusterMax.count()) {
                mapping->split(*extent, extent->first + kSwapClusterMax.count());
            }
            freed += reclaim_extent(state, op, *extent).count();
            co_await op.pause_point();
        }
    }
    co_return freed;
}

}  // namespace

std::optional<std::uint64_t> access_at_once(Engine::State& state, OpContext& op,
                                            const AccessRequest& request) {
    const Task* task = state.tasks.find(op.task);
    Mapping* mapping = state.mappings.find(request.mapping);
    const bool plain = request.range.count == 1 && task != nullptr && mapping != nullptr &&
                       !task->dying && task->operation == OperationId{} &&
                       task->over_high == Pages{0};
    if (!plain) {
        return std::nullopt;
    }
    const std::uint64_t index = request.range.first;
    Extent* extent = mapping->next(index);
    if (extent != nullptr && extent->first <= index) {
        if (extent->state.where != PageState::Where::kResident) {
            return std::nullopt;
        }
        access_resident(state, *extent, index, 1, request);
        return 0;
    }
    Memcg& memcg = charged_memcg(state, *task);
    if (memcg.is_root() || stocked(state, op.cpu, memcg) == Pages{0}) {
        return std::nullopt;
    }
    auto pages =
        alloc_above_low(state, Pages{1}, policy_nodes(state, op, request.range.first).nodes);
    if (!pages) {
        return std::nullopt;
    }
    consume_stock(state, op.cpu, memcg, Pages{1});
    return install(state, op, request, memcg, request.range, *pages);
}

Coro<OperationResult> access_pages(Engine::State& state, OpContext& op, AccessRequest request) {
    return as_task(state, op, walk_range(state, op, request));
}

Coro<OperationResult> pageout_regions(Engine::State& state, OpContext& op) {
    return as_task(state, op, pageout_body(state, op));
}

void lock_pages(Engine::State& state, Mapping& mapping) {
    mapping.locked = true;
    std::uint64_t index = 0;
    while (Extent* extent = mapping.next(index)) {
        index = extent->end();
        if (extent->state.where == PageState::Where::kResident &&
            extent->state.list != LruList::kUnevictable) {
            state.lru_remove(*extent);
            extent->state.list = LruList::kUnevictable;
            state.lru_add(*extent);
        }
    }
}

Pages drop_clean_pages(Engine::State& state, Mapping& mapping) {
    Pages dropped{};
    if (mapping.kind() != PageKind::kFile) {
        return dropped;  // tmpfs pages are their file's only copy
    }
    mapping.shadows.clear();
    std::uint64_t index = 0;
    while (Extent* extent = mapping.next(index)) {
        index = extent->end();
        if (!extent->state.mapped) {
            dropped += Pages{extent->count};
            free_extent(state, *extent);
        }
    }
    return dropped;
}

}  // namespace memcgfs::engine
