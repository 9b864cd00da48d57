// SPDX-License-Identifier: MIT
#include "engine/swap_device.h"

#include <algorithm>

#include "engine/charge.h"
#include "engine/io_queue.h"
#include "engine/members.h"
#include "engine/page_alloc.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/swap_space.h"
#include "engine/workingset.h"

namespace memcgfs::engine {

namespace {

constexpr std::size_t kSwapFilesMax = 28;  // MAX_SWAPFILES, less what the kernel keeps

/// The lowest of those that are on and that the kernel chose; -1 if it chose none.
std::int32_t least_priority(const Engine::State& state) {
    std::int32_t least = -1;
    for (const Engine::State::SwapArea& area : state.swap_areas) {
        if (area.on) {
            least = std::min(least, area.device.priority);
        }
    }
    return least;
}

/// A device of the kernel's choosing has gone: those below it move up.
void raise_below(Engine::State& state, std::int32_t priority) {
    for (Engine::State::SwapArea& area : state.swap_areas) {
        if (priority < 0 && area.on && area.device.priority < priority) {
            area.device.priority++;
        }
    }
}

void log_added(Engine::State& state, const SwapDevice& device) {
    constexpr KernelVersion kWithoutFrontswap{6, 6};
    const std::uint64_t kib = device.pages.count() * 4;
    TextBuffer line;
    line.print("Adding {}k swap on {}.  Priority:{} extents:1 across:{}k {}{}", kib, device.path,
               device.priority, kib, device.rotational ? "" : "SS",
               state.profile().version < kWithoutFrontswap ? "FS" : "");
    state.log(std::move(line).take());
}

/// The mappings to go through: shared memory first, as try_to_unuse does.
std::vector<MappingId> in_order(const Engine::State& state) {
    std::vector<MappingId> shared;
    std::vector<MappingId> own;
    state.mappings.for_each([&](const Mapping& mapping) {
        (mapping.kind() == PageKind::kShmem ? shared : own).push_back(mapping.id());
    });
    shared.insert(shared.end(), own.begin(), own.end());
    return shared;
}

/// The next extent at or after `index` that has slots on the device, or nullptr.
Extent* next_on_device(Mapping& mapping, std::uint64_t index, std::uint8_t device) {
    while (Extent* extent = mapping.next(index)) {
        const bool has_slots =
            extent->state.where == PageState::Where::kSwapped || extent->state.swap_slot;
        if (has_slots && extent->state.device == device) {
            return extent;
        }
        index = extent->end();
    }
    return nullptr;
}

/// Resident pages only lose their slots (folio_free_swap).
void let_go(Engine::State& state, Extent& extent) {
    state.lru_remove(extent);
    free_swap_slots(state, extent);
    PageState next = extent.state;
    next.detached = false;
    next.huge = false;  // comes back by small entries
    next.readahead = false;
    change_isolated(extent, next);
    state.lru_add(extent);
}

/// Puts a page back where its users find it; they have not used it (unuse_pte).
void bring_back(Engine::State& state, OpContext& op, Extent& extent, Memcg& memcg,
                PageReservation& page) {
    Mapping& mapping = *extent.mapping;
    PageState page_state;
    page_state.node = page.place().node;
    page_state.zone = page.place().zone;
    page_state.mapped =
        mapping.kind() == PageKind::kAnon ? mapping.user_bits.all() : std::uint8_t{0};
    const Engine::Range range{extent.first, 1};
    const RefaultPart part = refault(state, mapping, range, memcg, page_state.node);
    page_state.workingset = part.workingset;
    page_state.list = mapping.locked ? LruList::kUnevictable
                      : part.active  ? LruList::kActiveAnon
                                     : LruList::kInactiveAnon;
    spend_swap_read(state, op, extent, Pages{1});
    commit_charge(state, memcg, Pages{1});
    page.use(Pages{1});
    swap_in(state, extent, 1, memcg, page_state);
}

/// Brings one mapping's pages back; how many, or ENOMEM or EINTR.
Coro<OperationResult> unuse_mapping(Engine::State& state, OpContext& op, MappingId id,
                                    std::uint8_t device) {
    std::uint64_t brought = 0;
    std::uint64_t index = 0;
    for (;;) {
        Mapping* mapping = state.mappings.find(id);
        Extent* extent = mapping != nullptr ? next_on_device(*mapping, index, device) : nullptr;
        if (extent == nullptr) {
            co_return brought;
        }
        if (op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        if (extent->state.where == PageState::Where::kResident) {
            let_go(state, *extent);
            continue;
        }
        index = extent->first;
        const Task* task = state.tasks.find(op.task);
        Memcg& own = task != nullptr ? charged_memcg(state, *task) : *state.root_memcg;
        Memcg& memcg = extent->memcg->online ? *extent->memcg : own;
        const MemcgPin pin(memcg);
        Result<PageReservation> page =
            co_await alloc_pages(state, op, Pages{1}, {.first = state.local_node(op.cpu)});
        if (!page.ok()) {
            co_return Err(page.error());
        }
        const Result<void> charged = co_await try_charge(state, op, {.memcg = memcg});
        if (!charged.ok()) {
            co_return Err(charged.error());
        }
        mapping = state.mappings.find(id);
        extent = mapping != nullptr ? mapping->find(index) : nullptr;
        if (extent == nullptr || extent->first != index ||
            extent->state.where != PageState::Where::kSwapped) {
            cancel_charge(state, memcg, Pages{1});  // its user was faster
            continue;
        }
        bring_back(state, op, *extent, memcg, *page);
        brought++;
        co_await op.pause_point();
    }
}

}  // namespace

void name_swap_device(SwapDevice& device, std::size_t number) {
    if (device.path.empty()) {
        // The first disk is the one that has the files; behind the 26th come two letters.
        constexpr std::size_t kLetters = 26;
        const std::size_t disk = number + 1;
        device.path = disk < kLetters ? "/dev/vd" : "/dev/vda";
        device.path += static_cast<char>('a' + disk % kLetters);
    }
}

Result<std::uint32_t> add_swap_device(Engine::State& state, SwapDevice device) {
    if (device.pages == Pages{0}) {
        return Err(Errno::kEINVAL);
    }
    for (const Engine::State::SwapArea& area : state.swap_areas) {
        if (area.device.path == device.path && (area.on || area.used > Pages{0})) {
            return Err(Errno::kEBUSY);
        }
    }
    const auto off =
        std::find_if(state.swap_areas.begin(), state.swap_areas.end(),
                     [](const auto& area) { return !area.on && area.used == Pages{0}; });
    if (off == state.swap_areas.end() && state.swap_areas.size() >= kSwapFilesMax) {
        return Err(Errno::kEPERM);
    }
    const auto number = static_cast<std::uint32_t>(off - state.swap_areas.begin());
    name_swap_device(device, number);
    if (device.priority < 0) {
        device.priority = least_priority(state) - 1;
    }
    log_added(state, device);
    if (off == state.swap_areas.end()) {
        state.swap_areas.push_back({.device = device});
        state.io_queues.emplace_back();
    } else {
        *off = {.device = device};
    }
    return number;
}

Coro<OperationResult> empty_swap_device(Engine::State& state, OpContext& op, std::uint32_t device) {
    if (device >= state.swap_areas.size() || !state.swap_areas[device].on) {
        co_return Err(Errno::kEINVAL);
    }
    Engine::State::SwapArea& leaving = state.swap_areas[device];
    leaving.on = false;
    raise_below(state, leaving.device.priority);
    // What is on its way out gets there first.
    unplug_swap(state, time_of(op));
    while (!state.io_queues[1 + device].requests.empty()) {
        op.spend(state.io_queues[1 + device].requests.front().done - time_of(op));
        settle_io(state, time_of(op));
        co_await op.pause_point();
    }
    std::uint64_t brought = 0;
    for (const MappingId id : in_order(state)) {
        const OperationResult result =
            co_await unuse_mapping(state, op, id, static_cast<std::uint8_t>(device));
        if (!result.ok()) {
            Engine::State::SwapArea& stays = state.swap_areas[device];
            if (stays.device.priority < 0) {
                stays.device.priority = least_priority(state) - 1;
            }
            stays.on = true;
            co_return Err(result.error());
        }
        brought += *result;
    }
    co_return brought;
}

}  // namespace memcgfs::engine
