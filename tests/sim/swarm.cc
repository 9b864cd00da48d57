// SPDX-License-Identifier: MIT
#include "sim/swarm.h"

#include <algorithm>

#include "memcgfs/base/random.h"
#include "memcgfs/base/text_buffer.h"
#include "sim/actions.h"

namespace memcgfs::test {

namespace {

template <class T, std::size_t kSize>
T one_of(Random& random, const T (&choices)[kSize]) {
    return choices[random.below(kSize)];
}

engine::Machine random_machine(Random& random) {
    engine::Machine machine;
    machine.memory = Pages{one_of<std::uint64_t>(random, {1500, 4096, 8192, 65536, 262144})};
    const std::uint64_t nodes = one_of<std::uint64_t>(random, {1, 1, 1, 2, 3});
    for (std::uint64_t node = 0; nodes > 1 && node < nodes; node++) {
        engine::MachineNode shape;
        shape.managed[static_cast<std::size_t>(engine::ZoneType::kNormal)] =
            machine.memory / nodes;
        machine.nodes.push_back(shape);
    }
    machine.memory = machine.nodes.empty() ? machine.memory : machine.memory / nodes * nodes;
    machine.swap = Pages{one_of<std::uint64_t>(random, {0, 0, 70, 1024, 4096, 100'000})};
    machine.cpus = one_of<std::uint32_t>(random, {1, 1, 2, 4});
    using engine::ThpMode;
    machine.thp = one_of(random, {ThpMode::kAlways, ThpMode::kMadvise, ThpMode::kNever});
    if (machine.swap > Pages{0} && random.below(2) == 0) {
        machine.swap_devices = {{.pages = machine.swap,
                                 .synchronous = random.below(2) == 0,
                                 .rotational = random.below(2) == 0}};
    }
    machine.vm_swappiness = one_of<std::uint64_t>(random, {60, 60, 0, 1, 100});
    if (random.below(4) == 0) {
        machine.costs = {};
        machine.costs.swap_out = from_millis(1);
        machine.costs.swap_in = from_millis(1);
    }
    if (machine.swap > Pages{0} && random.below(2) == 0) {
        machine.swap_devices = {{.pages = machine.swap, .synchronous = true}};
    }
    machine.vm_page_cluster = one_of<std::uint32_t>(random, {3, 3, 0, 5});
    machine.zswap.enabled = random.below(2) == 0;
    machine.zswap.max_pool_percent = one_of<std::uint32_t>(random, {20, 1, 0});
    if (random.below(2) == 0) {
        machine.zswap.page_bytes = one_of<std::uint32_t>(random, {0, 70, 2200, 4096});
    }
    return machine;
}

std::string_view layout_name(engine::Layout layout) {
    switch (layout) {
        case engine::Layout::kV1:
            return "v1";
        case engine::Layout::kV2:
            return "v2";
        case engine::Layout::kHybrid:
            return "hybrid";
        case engine::Layout::kNone:
            return "none";
    }
    MEMCGFS_UNREACHABLE();
}

}  // namespace

Swarm swarm_of_seed(std::uint64_t seed) {
    Random random(seed ^ 0x5741524D5357ULL);
    Swarm swarm;
    swarm.seed = seed;
    const auto profiles = engine::profiles();
    swarm.profile = &profiles[random.below(profiles.size())];
    using engine::Layout;
    if (!swarm.profile->v1_memory) {
        swarm.layout = Layout::kV2;
    } else if (!engine::has_v2(*swarm.profile)) {
        swarm.layout = Layout::kV1;
    } else {
        swarm.layout = one_of(random, {Layout::kV1, Layout::kV2, Layout::kV2, Layout::kHybrid});
    }
    swarm.machine = random_machine(random);
    swarm.actions = one_of<std::uint32_t>(random, {15, 40, 80, 150});
    swarm.steps_between = one_of<std::uint64_t>(random, {1, 4, 12, 40});
    swarm.groups_max = one_of<std::size_t>(random, {1, 3, 6, 12});
    swarm.tasks_max = one_of<std::size_t>(random, {1, 3, 8, 20});
    swarm.scale = one_of<std::uint64_t>(random, {8, 90, 600, 600, 3000});
    for (const Action& action : all_actions()) {
        const bool left_out = !action.always && random.below(3) == 0;
        const auto weight = static_cast<std::uint32_t>(action.weight * (1 + random.below(4)));
        swarm.weights.push_back(left_out ? 0 : weight);
    }
    for (std::uint32_t& fault : swarm.faults) {
        fault = one_of<std::uint32_t>(random, {0, 0, 0, 3, 50});
    }
    return swarm;
}

std::string describe(const Swarm& swarm) {
    TextBuffer out;
    out.print("seed={} profile={} layout={} nodes={} swap={} cpus={} ", swarm.seed,
              swarm.profile->name, layout_name(swarm.layout),
              std::max<std::size_t>(1, swarm.machine.nodes.size()), swarm.machine.swap.count(),
              swarm.machine.cpus);
    out.print("actions={} groups={} tasks={} scale={}", swarm.actions, swarm.groups_max,
              swarm.tasks_max, swarm.scale);
    return std::move(out).take();
}

}  // namespace memcgfs::test
