// SPDX-License-Identifier: MIT
#include "engine/fault.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/advise.h"
#include "engine/charge.h"
#include "engine/fault_charge.h"
#include "engine/huge_page.h"
#include "engine/khugepaged.h"
#include "engine/members.h"
#include "engine/next_page.h"
#include "engine/numa.h"
#include "engine/oom_report.h"
#include "engine/oom_wait.h"
#include "engine/page_alloc.h"
#include "engine/page_state.h"
#include "engine/page_tables.h"
#include "engine/pages.h"
#include "engine/psi.h"
#include "engine/reclaim.h"
#include "engine/resident_access.h"
#include "engine/swap_fault.h"
#include "engine/task_turn.h"
#include "engine/throttle.h"
#include "engine/workingset.h"
#include "engine/writeback.h"

namespace memcgfs::engine {

namespace {

/// DEVIATION(oom-retry-paced): how long a fault that nobody can make room for waits before it is
/// tried again. The kernel retries at once and for ever; a processor core is spared.
constexpr Nanos kHopelessRetry = from_millis(10);

PageState fresh_state(const Mapping& mapping, TaskId task, const AccessRequest& request) {
    PageState page_state;
    const bool file = mapping.kind() == PageKind::kFile;
    page_state.list = file ? LruList::kInactiveFile : LruList::kInactiveAnon;
    if (mapping.locked) {
        page_state.list = LruList::kUnevictable;
    }
    page_state.dirty = file && request.access == Access::kWrite;
    if (request.through_mmap) {
        page_state.mapped = mapping.user_bits.bit(task);
        page_state.young = page_state.mapped;
    } else {
        // A read marks the page accessed once; tmpfs does so on writes too.
        page_state.referenced =
            request.access == Access::kRead || mapping.kind() == PageKind::kShmem;
    }
    return page_state;
}

/// How many pages can be charged without the long way, which goes one by one.
Pages chargeable(const Engine::State& state, const OpContext& op, const Memcg& memcg,
                 std::uint64_t wanted) {
    const Pages ready = memcg.is_root() ? Pages{kFreeStep} : stocked(state, op.cpu, memcg);
    return std::min(Pages{wanted}, std::max(ready, Pages{1}));
}

Nanos cost_of(const Engine::State& state, PageKind kind, const AccessRequest& request) {
    const Machine::Costs& costs = state.machine().costs;
    if (kind != PageKind::kFile) {
        return costs.fault;
    }
    return request.access == Access::kRead ? costs.file_read : costs.file_write;
}

/// The time that pages take to come. For those of the working set, which should not have gone, it
/// is a memory stall.
void spend_on(Engine::State& state, OpContext& op, const RefaultPart& part, Nanos cost) {
    std::optional<PsiMemoryStall> stall;
    if (part.workingset) {
        stall.emplace(state, op);
    }
    op.spend(cost);
}

/// `range`, where the mapping has nothing, has been charged to `memcg`: puts pages there.
void put_pages(Engine::State& state, OpContext& op, const AccessRequest& request, Memcg& memcg,
               Mapping& mapping, Engine::Range range, PageReservation& pages) {
    commit_charge(state, memcg, Pages{range.count});
    if (request.through_mmap) {
        memcg.add_stat(StatItem::kPgfault, static_cast<std::int64_t>(range.count));
    }
    if (request.through_mmap && mapping.kind() == PageKind::kFile &&
        (range.first == 0 || mapping.find(range.first - 1) == nullptr)) {
        // Readahead finds the rest of the pages before their faults come.
        memcg.add_stat(StatItem::kPgmajfault, 1);
    }
    const PagePlace place = pages.place();
    pages.use(Pages{range.count});
    // What is only going to be overwritten does not come back.
    const bool rewritten = !request.through_mmap && request.access == Access::kWrite;
    for (std::uint64_t done = 0; done < range.count;) {
        const Engine::Range rest{range.first + done, range.count - done};
        const RefaultPart part = rewritten || mapping.shadows.empty()
                                     ? RefaultPart{rest.count}
                                     : refault(state, mapping, rest, memcg, place.node);
        PageState page_state = fresh_state(mapping, op.task, request);
        page_state.node = place.node;
        page_state.zone = place.zone;
        apply_refault(part, page_state);
        spend_on(state, op, part,
                 cost_of(state, mapping.kind(), request) * static_cast<std::int64_t>(part.count));
        add_resident(state, mapping, {rest.first, part.count}, memcg, page_state);
        done += part.count;
    }
    note_dirty(state, mapping);
}

/// As many of `absent` as the stock pays for and free memory holds, with no wait: how many.
std::uint64_t put_from_stock(Engine::State& state, OpContext& op, const AccessRequest& request,
                             const Task& task, Memcg& memcg, Mapping& mapping,
                             Engine::Range absent) {
    if (memcg.is_root()) {
        return 0;
    }
    if (stocked(state, op.cpu, memcg) == Pages{0} && !fill_stock_at_once(state, op, memcg)) {
        return 0;
    }
    const PolicyChoice choice = policy_nodes(state, op, &task, absent.first);
    const Pages wanted =
        std::min({Pages{absent.count}, stocked(state, op.cpu, memcg), choice.most});
    if (wanted == Pages{0}) {
        return 0;
    }
    auto pages = alloc_above_low(state, wanted, choice.nodes);
    if (!pages) {
        return 0;
    }
    const Pages taken = pages->pages();
    consume_stock(state, op.cpu, memcg, taken);
    put_pages(state, op, request, memcg, mapping, {absent.first, taken.count()}, *pages);
    return taken.count();
}

/// The pages at `charged` have been charged to `memcg`, which took its time: puts them there.
/// Another task may have been faster; then the charge goes back. How many it put there.
std::uint64_t install(Engine::State& state, OpContext& op, const AccessRequest& request,
                      Memcg& memcg, Engine::Range charged, PageReservation& pages) {
    Mapping* mapping = state.mappings.find(request.mapping);
    const Extent* next = mapping != nullptr ? mapping->next(charged.first) : nullptr;
    std::uint64_t count = mapping == nullptr ? 0 : charged.count;
    if (next != nullptr && next->first < charged.first + charged.count) {
        count = next->first > charged.first ? next->first - charged.first : 0;
    }
    if (count < charged.count) {
        cancel_charge(state, memcg, Pages{charged.count - count});
    }
    if (count == 0) {
        return 0;
    }
    put_pages(state, op, request, memcg, *mapping, {charged.first, count}, pages);
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

/// One go over pages from range.first on: how many were passed, and how many charged.
struct Progress {
    std::uint64_t passed = 0;
    std::uint64_t charged = 0;
    bool small = false;  ///< no huge page can be had here: again with a small one
};

/// Charges and installs pages that are absent or swapped out; none passed: to look again.
Coro<Result<Progress>> fault_pages(Engine::State& state, OpContext& op, AccessRequest request,
                                   Engine::Range absent, Extent* swapped) {
    const Task* task = state.tasks.find(op.task);
    Memcg& memcg = charge_target(state, *task, swapped);
    const bool was_swapped = swapped != nullptr;
    const MemcgPin pin(memcg);
    const PolicyChoice choice = policy_nodes(state, op, task, absent.first);
    const std::uint64_t window = was_swapped ? swap_window(state, *swapped, absent.first) : 0;
    const Pages wanted =
        std::min(window != 0 ? Pages{window} : chargeable(state, op, memcg, absent.count),
                 choice.most);
    Result<PageReservation> pages = co_await alloc_pages(state, op, wanted, choice.nodes);
    if (!pages.ok()) {
        co_return Err(pages.error());
    }
    const std::uint64_t reserved = pages->pages().count();
    const Result<std::uint64_t> charged =
        co_await charge_fault(state, op, memcg, reserved, window != 0);
    if (!charged.ok()) {
        co_return Err(charged.error());
    }
    const Engine::Range range{absent.first, *charged};
    if (!was_swapped) {
        const std::uint64_t count = install(state, op, request, memcg, range, *pages);
        co_return Progress{count, count};
    }
    Mapping* mapping = state.mappings.find(request.mapping);
    SwapFault fault{.charged = range, .window = window, .write = request.access == Access::kWrite};
    if (mapping != nullptr) {
        fault.page_state = fresh_state(*mapping, op.task, request);
    }
    const SwapFaultResult result = install_swapped(state, op, mapping, fault, memcg, *pages);
    co_return Progress{result.passed, result.read};
}

/// A read of anonymous memory that nobody has written to maps the zero page: nothing is charged.
std::uint64_t read_zero_page(Engine::State& state, OpContext& op, const Task& task,
                             std::uint64_t pages) {
    const std::uint64_t count = std::min(pages, kFreeStep);
    charged_memcg(state, task).add_stat(StatItem::kPgfault, static_cast<std::int64_t>(count));
    op.spend(state.machine().costs.fault * static_cast<std::int64_t>(count));
    return count;
}

/// A write to where a huge page may come.
Coro<Result<Progress>> access_huge(Engine::State& state, OpContext& op, AccessRequest request,
                                   Engine::Range block) {
    const Result<std::uint64_t> charged = co_await fault_huge(state, op, request.mapping, block);
    if (!charged.ok()) {
        co_return Progress{.small = true};
    }
    if (*charged == 0) {
        co_return Progress{};  // others were faster
    }
    const std::uint64_t rest = block.first + block.count - request.range.first;
    co_return Progress{std::min(rest, request.range.count), *charged};
}

Coro<Result<Progress>> access_some(Engine::State& state, OpContext& op, AccessRequest request) {
    Task* task = state.tasks.find(op.task);
    Mapping* mapping = state.mappings.find(request.mapping);
    if (task == nullptr || task->dying || op.signal_pending) {
        co_return Err(Errno::kEINTR);
    }
    if (mapping == nullptr) {
        co_return Err(Errno::kEINVAL);
    }
    const std::uint64_t index = request.range.first;
    const std::uint64_t end = index + request.range.count;
    Extent* extent = mapping->next(index);
    const bool here = extent != nullptr && extent->first <= index;
    if (here && extent->state.where != PageState::Where::kSwapped) {
        co_return Progress{access_resident(state, op, *extent, index, end - index, request), 0};
    }
    const std::uint64_t stop = here ? extent->end() : (extent != nullptr ? extent->first : end);
    Engine::Range absent{index, std::min(stop, end) - index};
    Memcg& memcg = charged_memcg(state, *task);
    if (request.through_mmap && lacks_page_table(state, *task, memcg, request.mapping, index)) {
        // For the zero page too; and one is laid by for the day when a huge page is split.
        const Result<void> paid = co_await pay_page_table(state, op, request.mapping, index);
        if (!paid.ok()) {
            co_return Err(paid.error());
        }
        co_return Progress{};
    }
    if (request.through_mmap) {
        absent.count = mapped_by_one_table(state, absent);
    }
    if (!here && mapping->kind() == PageKind::kAnon && request.access == Access::kRead) {
        co_return Progress{read_zero_page(state, op, *task, absent.count), 0};
    }
    if (!here && mapping->huge_enabled) {
        khugepaged_enter(state, *task);
        const auto block = huge_block(*mapping, index);
        if (block && request.small_at != index) {
            co_return co_await access_huge(state, op, request, *block);
        }
        // The next block may get one again.
        absent.count = std::min(absent.count, kHugePages - mapping->huge_offset(index));
    }
    if (!here) {
        const std::uint64_t count =
            put_from_stock(state, op, request, *task, memcg, *mapping, absent);
        if (count > 0) {
            co_return Progress{count, count};
        }
    }
    co_return co_await fault_pages(state, op, request, absent, here ? extent : nullptr);
}

bool writes_file(const Mapping& mapping, const AccessRequest& request) {
    return request.access == Access::kWrite && mapping.kind() == PageKind::kFile;
}

/// Goes over the range; the number of pages newly charged, or why it ended early.
Coro<OperationResult> walk_range(Engine::State& state, OpContext& op, AccessRequest request) {
    std::uint64_t charged = 0;
    const std::uint64_t syscall = request.through_mmap ? 0 : request.syscall_pages;
    std::uint64_t user_mode_at = request.range.first + syscall;
    while (request.range.count > 0) {
        const Result<Progress> progress = co_await access_some(state, op, request);
        if (!progress.ok()) {
            if (progress.error() != Errno::kENOMEM) {
                co_return Err(progress.error());
            }
            const Failure failure = co_await after_failure(state, op, request.through_mmap);
            if (failure == Failure::kEnd) {
                co_return Err(progress.error());
            }
            continue;
        }
        request.small_at = progress->small ? request.range.first : request.small_at;
        request.range.first += progress->passed;
        request.range.count -= progress->passed;
        charged += progress->charged;
        const Task* task = state.tasks.find(op.task);
        const Mapping* mapping = state.mappings.find(request.mapping);
        if (task != nullptr && mapping != nullptr && writes_file(*mapping, request)) {
            co_await balance_dirty_pages(state, op, charged_memcg(state, *task));
        }
        if (request.range.first >= user_mode_at || request.range.count == 0) {
            if (is_over_high(state, op)) {
                co_await handle_over_high(state, op);
            }
            user_mode_at = request.range.first + syscall;
        }
        if (request.range.count > 0 || op.owes_time()) {
            co_await op.pause_point();
        }
    }
    co_return charged;
}

Coro<OperationResult> in_turn(Engine::State& state, OpContext& op, AccessRequest request) {
    const Result<void> turn = co_await wait_for_turn(state, op);
    if (!turn.ok()) {
        co_return Err(turn.error());
    }
    co_return co_await as_task(state, op, walk_range(state, op, request));
}

Coro<OperationResult> pageout_body(Engine::State& state, OpContext& op) {
    std::uint64_t freed = 0;
    const Task* task = state.tasks.find(op.task);
    const std::vector<MappingId> regions = task->regions;
    for (const MappingId id : regions) {
        freed += co_await pageout_range(state, op, id, {0, UINT64_MAX});
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
                       task->over_high == Pages{0} && !writes_file(*mapping, request);
    if (!plain) {
        return std::nullopt;
    }
    const std::uint64_t index = request.range.first;
    Extent* extent = mapping->next(index);
    if (extent != nullptr && extent->first <= index) {
        if (extent->state.where == PageState::Where::kSwapped) {
            return std::nullopt;
        }
        access_resident(state, op, *extent, index, 1, request);
        return 0;
    }
    Memcg& memcg = charged_memcg(state, *task);
    if (request.through_mmap && lacks_page_table(state, *task, memcg, request.mapping, index)) {
        return std::nullopt;
    }
    if (mapping->kind() == PageKind::kAnon && request.access == Access::kRead) {
        read_zero_page(state, op, *task, 1);
        return 0;
    }
    if (mapping->huge_enabled && huge_block(*mapping, index)) {
        return std::nullopt;
    }
    if (request.through_mmap && put_next_page(state, op, memcg, *mapping, index)) {
        return 1;
    }
    const std::uint64_t count =
        put_from_stock(state, op, request, *task, memcg, *mapping, request.range);
    return count > 0 ? std::optional(count) : std::nullopt;
}

Coro<OperationResult> access_pages(Engine::State& state, OpContext& op, AccessRequest request) {
    if (request.through_mmap) {
        return as_task(state, op, walk_range(state, op, request));
    }
    return in_turn(state, op, request);
}

Coro<OperationResult> advise_as_task(Engine::State& state, OpContext& op, AdviceRequest request) {
    return as_task(state, op, advise_pages(state, op, request));
}

Coro<OperationResult> pageout_regions(Engine::State& state, OpContext& op) {
    return as_task(state, op, pageout_body(state, op));
}

}  // namespace memcgfs::engine
