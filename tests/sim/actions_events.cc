// SPDX-License-Identifier: MIT
//
// Programs that wait: registrations of cgroup.event_control and triggers of memory.pressure. That
// nothing is told after its end is checked where effects arrive (world.cc).
#include <array>
#include <iterator>

#include "sim/actions.h"
#include "sim/world.h"

namespace memcgfs::test {

namespace {

using namespace engine;

/// A group whose v1 files exist.
Memcg* some_v1(World& world) {
    const Cgroup* group = world.pick_group();
    const bool v1 = group != nullptr && !group->is_v2();
    return v1 ? group->memcg : nullptr;
}

void listen_to_usage(World& world) {
    if (Memcg* memcg = some_v1(world); memcg != nullptr) {
        const UsageEvent spec{.memsw = world.one_in(3), .threshold = Pages{world.some_pages()}};
        world.listening.insert(world.engine().register_event(*memcg, spec));
    }
}

void listen_to_oom(World& world) {
    if (Memcg* memcg = some_v1(world); memcg != nullptr) {
        world.listening.insert(world.engine().register_event(*memcg, OomEvent{}));
    }
}

void listen_to_pressure(World& world) {
    if (Memcg* memcg = some_v1(world); memcg != nullptr) {
        const PressureEvent spec{.level = static_cast<PressureLevel>(world.below(3)),
                                 .mode = static_cast<PressureMode>(world.below(3))};
        world.listening.insert(world.engine().register_event(*memcg, spec));
    }
}

void stop_listening(World& world) {
    if (!world.listening.empty()) {
        const auto one = std::next(world.listening.begin(),
                                   static_cast<long>(world.below(world.listening.size())));
        world.engine().unregister_event(*one);
        world.closing = *one;
        world.listening.erase(one);
    }
}

void add_trigger(World& world) {
    Cgroup* group = world.pick_group();
    if (group == nullptr || !group->is_v2() || !group->pressure) {
        return;
    }
    const Nanos window = from_millis(500 + static_cast<std::int64_t>(world.below(9500)));
    const std::uint64_t cookie = world.next_cookie++;
    const PsiTriggerSpec spec{
        .state = world.one_in(2) ? PsiState::kSome : PsiState::kFull,
        .threshold = window / static_cast<std::int64_t>(1 + world.below(1000)),
        .window = window,
        .privileged = world.one_in(2),
        .cookie = cookie,
    };
    world.triggers.emplace(cookie, world.engine().add_psi_trigger(*group, spec));
}

void remove_trigger(World& world) {
    if (!world.triggers.empty()) {
        const auto one = std::next(world.triggers.begin(),
                                   static_cast<long>(world.below(world.triggers.size())));
        world.engine().remove_psi_trigger(one->second);
        world.triggers.erase(one);
    }
}

void switch_pressure(World& world) {
    Cgroup* group = world.pick_group();
    if (group != nullptr && group->is_v2() && !group->is_root()) {
        world.engine().set_pressure(*group, !world.one_in(4));
    }
}

void read_pressure(World& world) {
    Cgroup* group = world.pick_group();
    if (group != nullptr && group->is_v2()) {
        static_cast<void>(world.engine().pressure(*group, PsiState::kSome));
    }
}

constexpr std::array kActions{
    Action{"listen_to_usage", 2, listen_to_usage},
    Action{"listen_to_oom", 1, listen_to_oom},
    Action{"listen_to_pressure", 1, listen_to_pressure},
    Action{"stop_listening", 1, stop_listening},
    Action{"add_trigger", 2, add_trigger},
    Action{"remove_trigger", 1, remove_trigger},
    Action{"switch_pressure", 1, switch_pressure},
    Action{"read_pressure", 1, read_pressure},
};

}  // namespace

std::span<const Action> event_actions() { return kActions; }

}  // namespace memcgfs::test
