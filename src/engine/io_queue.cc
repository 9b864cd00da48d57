// SPDX-License-Identifier: MIT
#include "engine/io_queue.h"

#include <algorithm>

#include "engine/page_state.h"

namespace memcgfs::engine {

namespace {

/// folio_end_writeback for the pages of a range that are still being written.
void end_writeback(Engine::State& state, const WriteRequest& request) {
    Mapping* mapping = state.mappings.find(request.mapping);
    if (mapping == nullptr || mapping->writeback == Pages{0}) {
        return;  // truncated meanwhile
    }
    std::uint64_t index = request.range.first;
    const std::uint64_t end = index + request.range.count;
    while (index < end) {
        Extent* extent = mapping->next(index);
        if (extent == nullptr || extent->first >= end) {
            break;
        }
        index = std::max(index, extent->first);
        const std::uint64_t stop = std::min(end, extent->end());
        if (extent->state.writeback) {
            Extent& written = carve(*extent, {index, stop - index});
            PageState next = written.state;
            next.writeback = false;
            next.reclaim = false;
            const bool rotates =
                written.state.reclaim && !next.dirty && next.list != LruList::kUnevictable;
            Extent& holder = change_pages(state, written, next);
            if (rotates) {
                rotate_to_tail(state, carve(holder, {index, stop - index}));
            }
        }
        index = stop;
    }
}

/// The end of writes when nobody else looks (the block layer's completions).
Coro<OperationResult> complete_writes(Engine::State& state, OpContext& op) {
    constexpr Nanos kNever{INT64_MAX};
    for (;;) {
        settle_io(state, op.clock->now());
        const Nanos next = next_write_end(state, kNever);
        if (next == kNever) {
            state.io_worker_running = false;
            co_return std::uint64_t{0};
        }
        co_await pause({Step::Kind::kSleep, next});
    }
}

}  // namespace

Nanos time_of(const OpContext& op) { return std::max(op.busy_until, op.clock->now()); }

namespace {

/// What fits a request where no two pages lie side by side in memory: the segments that an NVMe
/// disk takes. A plug with a full request in it is pulled (BLK_PLUG_FLUSH_SIZE is less).
constexpr Pages kLongestRequest{128};

void end_by_itself(Engine::State& state) {
    if (!state.io_worker_running) {
        state.io_worker_running = true;
        state.emit(SpawnEffect{state.make_operation(
            "writeback_end", [&state](OpContext& op) { return complete_writes(state, op); })});
    }
}

void unplug(Engine::State& state, std::uint8_t device, Nanos now) {
    IoQueue& queue = state.io_queues[1 + std::size_t{device}];
    if (queue.plugged.empty()) {
        return;
    }
    const Nanos per_page = state.swap_areas[device].device.write;
    queue.busy_until = std::max(queue.busy_until, now) + per_page * as_delta(queue.plugged_pages);
    for (WriteRequest& request : queue.plugged) {
        request.done = queue.busy_until;
        queue.requests.push_back(request);
    }
    queue.plugged.clear();
    queue.plugged_pages = Pages{0};
    end_by_itself(state);
}

}  // namespace

void plug_swap_write(Engine::State& state, std::uint8_t device, const WriteRequest& pages,
                     Nanos now) {
    IoQueue& queue = state.io_queues[1 + std::size_t{device}];
    queue.plugged.push_back(pages);
    queue.plugged_pages += Pages{pages.range.count};
    if (queue.plugged_pages >= kLongestRequest) {
        unplug(state, device, now);
    }
}

void unplug_swap(Engine::State& state, Nanos now) {
    for (std::size_t device = 0; device < state.swap_areas.size(); device++) {
        unplug(state, static_cast<std::uint8_t>(device), now);
    }
}

void submit_write(Engine::State& state, IoQueue& queue, const WriteRequest& pages, Nanos now,
                  Nanos per_page, std::uint64_t chunk) {
    queue.busy_until = std::max(queue.busy_until, now);
    for (std::uint64_t done = 0; done < pages.range.count;) {
        const std::uint64_t count = std::min(chunk, pages.range.count - done);
        queue.busy_until += per_page * static_cast<std::int64_t>(count);
        queue.requests.push_back(
            {pages.mapping, {pages.range.first + done, count}, queue.busy_until});
        done += count;
    }
    end_by_itself(state);
}

void settle_io(Engine::State& state, Nanos now) {
    for (IoQueue& queue : state.io_queues) {
        while (!queue.requests.empty() && queue.requests.front().done <= now) {
            const WriteRequest request = queue.requests.front();
            queue.requests.pop_front();
            end_writeback(state, request);
        }
    }
}

Nanos next_write_end(const Engine::State& state, Nanos otherwise) {
    Nanos next{INT64_MAX};
    bool any = false;
    for (const IoQueue& queue : state.io_queues) {
        if (!queue.requests.empty()) {
            next = std::min(next, queue.requests.front().done);
            any = true;
        }
    }
    return any ? next : otherwise;
}

}  // namespace memcgfs::engine
