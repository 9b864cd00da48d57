// SPDX-License-Identifier: MIT
#include "sim/world.h"

#include <algorithm>

namespace memcgfs::test {

using namespace engine;

World::World(const Swarm& swarm)
    : swarm_(swarm),
      actions_(all_actions()),
      random_(swarm.seed),
      fault_random_(swarm.seed + 1),
      outbox_(*this),
      engine_({.profile = *swarm_.profile,
               .layout = swarm_.layout,
               .machine = swarm_.machine,
               .clock = clock_,
               .effects = outbox_,
               .observer = &history_,
               .faults = this}),
      executor_(mutex_, outbox_, clock_, swarm.seed) {
    for (const Hierarchy* hierarchy : engine_.hierarchies()) {
        groups.push_back(hierarchy->root->id);
    }
}

std::string_view World::act(std::uint32_t position) {
    random_ = Random(swarm_.seed * 0x9E3779B97F4A7C15ULL + position);
    std::uint64_t sum = 0;
    for (const std::uint32_t weight : swarm_.weights) {
        sum += weight;
    }
    std::uint64_t drawn = below(sum);
    std::size_t number = 0;
    while (drawn >= swarm_.weights[number]) {
        drawn -= swarm_.weights[number++];
    }
    if (position < swarm_.skipped.size() && swarm_.skipped[position]) {
        return "";
    }
    const Action& action = actions_[number];
    locked([&] { action.run(*this); });
    return action.name;
}

void World::act_as(std::size_t number, std::uint64_t random) {
    random_ = Random(random);
    locked([&] { actions_[number % actions_.size()].run(*this); });
}

void World::tick(const EventTickEffect& effect) {
    if (!listening.contains(effect.event) && effect.event != closing) {
        throw Violation("events", "a tick of a registration that has ended");
    }
    if (effect.last) {
        listening.erase(effect.event);
    }
}

void World::psi_trigger(const PsiTriggerEffect& effect) {
    if (!triggers.contains(effect.cookie)) {
        throw Violation("events", "a word from a trigger that has ended");
    }
    if (!effect.fired) {
        triggers.erase(effect.cookie);
    }
}

void World::deliver() {
    outbox_.flush();
    closing = {};
    for (const OperationId id : std::exchange(interrupts_, {})) {
        executor_.interrupt(id);
    }
}

Cgroup* World::pick_limited_group() {
    Cgroup* group = pick_group();
    return group == nullptr || group->is_root() || group->memcg == nullptr ? nullptr : group;
}

TaskId World::pick_idle_task() {
    const TaskId id = pick(tasks);
    const Task* task = engine_.find(id);
    const bool busy = task == nullptr || task->dying || task->operation != OperationId{} ||
                      std::find(busy_.begin(), busy_.end(), id) != busy_.end();
    return busy ? TaskId{} : id;
}

std::uint64_t World::some_pages() {
    switch (below(12)) {
        case 0:
            return 0;
        case 1:
            return 1;
        case 2:
            return kPageCounterMax.count();
        default:
            return 1 + below(4 * swarm_.scale);
    }
}

void World::start(OperationPtr operation, bool may_interrupt) {
    if (may_interrupt && one_in(5)) {
        interrupts_.push_back(operation->id());
    }
    submit(std::move(operation), TaskId{});
}

void World::start(TaskId task, OperationPtr operation) {
    busy_.push_back(task);
    submit(std::move(operation), task);
}

void World::submit(std::unique_ptr<Operation> operation, TaskId task) {
    const OperationId id = operation->id();
    live_.emplace(id, operation->name());
    executor_.submit(std::move(operation), [this, id, task](const OperationResult& result) {
        live_.erase(id);
        if (const auto it = std::find(busy_.begin(), busy_.end(), task); it != busy_.end()) {
            busy_.erase(it);
        }
        const std::uint64_t word =
            result.ok() ? *result : ~static_cast<std::uint64_t>(to_int(result.error()));
        results_ = (results_ ^ word) * 0x100000001B3ULL + static_cast<std::uint64_t>(id);
    });
}

void World::spawn(std::unique_ptr<Operation> operation) { submit(std::move(operation), TaskId{}); }

bool World::fires(FaultSite site) {
    return may_fire(site) &&
           fault_random_.below(swarm_.faults[static_cast<std::size_t>(site)]) == 0;
}

bool World::may_fire(FaultSite site) const {
    return swarm_.faults[static_cast<std::size_t>(site)] != 0;
}

}  // namespace memcgfs::test
