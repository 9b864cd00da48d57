// SPDX-License-Identifier: MIT
//
// Announcing that an events file has changed (cgroup_file_notify, kernel/cgroup/cgroup.c, 6.1;
// spec 2.4).
#include <tuple>

#include "engine/state.h"

namespace memcgfs::engine {

namespace {

/// CGROUP_FILE_NOTIFY_MIN_INTV: a hundredth of a second in whole ticks.
Nanos shortest_interval(const Engine::State& state) {
    const std::int64_t hz = state.hz();
    return Nanos{1'000'000'000 / hz * ((hz + 99) / 100)};
}

static_assert(static_cast<std::size_t>(NotifyFile::kMemorySwapEvents) + 1 ==
              std::tuple_size_v<decltype(Cgroup::notices)>);

FileNotice& notice_of(Cgroup& group, NotifyFile file) {
    // Few groups ever refuse a fork: theirs is where the limit is.
    if (file == NotifyFile::kPidsEvents || file == NotifyFile::kPidsEventsLocal) {
        return group.states.set<&ControllerStates::pids>()
            .notices[file == NotifyFile::kPidsEvents ? 0 : 1];
    }
    return group.notices[static_cast<std::size_t>(file)];
}

void announce(Engine::State& state, Cgroup& group, NotifyFile file) {
    notice_of(group, file).last = state.environment.clock.now();
    state.emit(FileModifiedEffect{group.id, file});
}

Coro<OperationResult> notify_timer(Engine::State& state, CgroupId id, NotifyFile file, Nanos due) {
    co_await pause({Step::Kind::kSleep, due});
    if (Cgroup* group = state.cgroups.find(id); group != nullptr) {
        notice_of(*group, file).timer = false;
        announce(state, *group, file);
    }
    co_return std::uint64_t{0};
}

}  // namespace

void Engine::State::notify(const Cgroup& group, NotifyFile file) {
    if (!group.is_v2() || group.is_root()) {
        return;  // they have no such files
    }
    Cgroup& target = *cgroups.find(group.id);
    FileNotice& notice = notice_of(target, file);
    const Nanos interval = shortest_interval(*this);
    if (!notice.last || environment.clock.now() >= *notice.last + interval) {
        announce(*this, target, file);
        return;
    }
    if (notice.timer) {
        return;
    }
    notice.timer = true;
    const CgroupId id = group.id;
    const Nanos due = *notice.last + interval;
    emit(SpawnEffect{make_operation("cgroup_notify", [this, id, file, due](OpContext&) {
        return notify_timer(*this, id, file, due);
    })});
}

}  // namespace memcgfs::engine
