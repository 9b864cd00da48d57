// SPDX-License-Identifier: MIT
#include "sim/run.h"

#include <cstdio>

#include "sim/checkers.h"

namespace memcgfs::test {

namespace {

using namespace engine;

/// More steps than this without an end: something goes round in circles.
constexpr std::uint64_t kStepsMax = 300'000;

class Run {
public:
    Run(const Swarm& swarm, const RunOptions& options)
        : options_(options), world_(swarm), checkers_(world_.engine(), world_.live()) {}

    void go() {
        const Swarm& swarm = world_.swarm();
        for (position_ = 0; position_ < swarm.actions; position_++) {
            const std::string_view name = world_.act(position_);
            if (options_.verbose) {
                std::fprintf(stderr, "%u %.*s\n", position_, static_cast<int>(name.size()),
                             name.data());
            }
            check(true);
            Random pace(swarm.seed + position_);
            for (std::uint64_t steps = pace.below(swarm.steps_between); steps > 0; steps--) {
                step();
            }
        }
        finish();
    }

    void go(std::span<const ScriptLine> script) {
        for (const ScriptLine& line : script) {
            world_.act_as(line.action, line.random);
            position_++;
            check(true);
            for (unsigned steps = line.steps; steps > 0; steps--) {
                step();
            }
        }
        finish();
    }

    RunReport report() {
        RunReport report;
        report.hash = world_.hash();
        report.events = world_.history().count();
        report.steps = world_.steps();
        report.kills = world_.kills();
        const Memcg& root = world_.engine().root_memcg();
        report.direct_scans = root.stat_total(StatItem::kPgscanDirect);
        report.collapsed =
            static_cast<std::uint64_t>(root.stat_total(StatItem::kThpCollapseAlloc));
        // Some profiles count pages there that reclaim splits.
        if (!world_.engine().profile().split_defers_first) {
            report.torn = world_.engine().machine_stat().event(VmEvent::kThpDeferredSplitPage);
        }
        report.background_scans = root.stat_total(StatItem::kPgscanKswapd);
        return report;
    }

    std::string where() const {
        TextBuffer text;
        text.print("{} position={} step={}\n", describe(world_.swarm()), position_,
                   world_.steps());
        world_.history().print_recent(text);
        return std::move(text).take();
    }

private:
    bool step() {
        const bool more = world_.step();
        check(options_.check_always || world_.steps() % 8 == 0);
        return more;
    }

    void check(bool slow_too) {
        world_.locked([&] {
            checkers_.run(slow_too);
            if (slow_too) {
                world_.engine().check_invariants();
            }
        });
    }

    void drain() {
        const std::uint64_t end = world_.steps() + kStepsMax;
        while (step()) {
            if (world_.steps() > end) {
                throw Violation("progress", name_of_live());
            }
        }
    }

    std::string name_of_live() const {
        std::string names;
        for (const auto& [id, name] : world_.live()) {
            names += std::string(name) + " ";
        }
        return names + "do not come to an end";
    }

    /// Everything ends: then nothing may be left anywhere.
    void finish() {
        Engine::State& state = EngineAccess::state(world_.engine());
        std::vector<TaskId> tasks;
        state.tasks.for_each([&](const Task& task) { tasks.push_back(task.id); });
        for (const TaskId task : tasks) {
            world_.locked([&] { world_.engine().exit_task(task); });
            check(true);
        }
        drain();
        if (!world_.live().empty()) {
            throw Violation("progress", "stuck for ever: " + name_of_live());
        }
        std::vector<MappingId> mappings;
        state.mappings.for_each([&](const Mapping& mapping) { mappings.push_back(mapping.id()); });
        for (const MappingId mapping : mappings) {
            world_.locked([&] { world_.engine().destroy_mapping(mapping); });
            check(true);
        }
        remove_all_groups(state);
        std::vector<KernelObjectId> objects;  // the root's by now
        state.kernel_objects.for_each(
            [&](const KernelObject& object) { objects.push_back(object.id); });
        for (const KernelObjectId object : objects) {
            world_.locked([&] { world_.engine().free_kernel_memory(object); });
        }
        world_.locked(
            [&] { world_.start(world_.engine().drop_caches({.dentries = true}), false); });
        drain();
        nothing_left(state);
    }

    void remove_all_groups(const Engine::State& state) {
        for (bool removed = true; removed;) {
            removed = false;
            std::vector<CgroupId> groups;
            state.cgroups.for_each([&](const Cgroup& group) { groups.push_back(group.id); });
            for (const CgroupId group : groups) {
                world_.locked(
                    [&] { removed |= world_.engine().remove_cgroup(group).ok(); });
                check(true);
            }
        }
    }

    void nothing_left(const Engine::State& state) {
        const auto none = [](bool holds, std::string_view what) {
            if (!holds) {
                throw Violation("leftovers", what);
            }
        };
        const Memcg& root = *state.root_memcg;
        for (std::size_t i = 0; i < kStatItemCount; i++) {
            const auto item = static_cast<StatItem>(i);
            none(!counts_now(item) || root.stat_total(item) == 0, "a statistic");
        }
        none(root.memory.usage() == Pages{0}, "memory");
        none(root.memsw.usage() == Pages{0}, "memory + swap");
        none(root.swap.usage() == Pages{0}, "swap");
        none(state.swap_used == Pages{0}, "slots");
        none(state.memcgs.size() == 1, "a memcg");
        none(state.tasks.size() == 0, "a task");
        none(state.mappings.size() == 0, "a mapping");
    }

    RunOptions options_;
    World world_;
    Checkers checkers_;
    std::uint32_t position_ = 0;
};

/// The run under way, for the handler of SIGABRT, which has no other way to it.
const Run*& current() {
    static thread_local const Run* run = nullptr;
    return run;
}

}  // namespace

namespace {

template <class Go>
RunReport run_and_report(const Swarm& swarm, const RunOptions& options, Go go) {
    auto run = std::make_unique<Run>(swarm, options);
    current() = run.get();
    RunReport report;
    try {
        go(*run);
        report = run->report();
    } catch (const Violation& violation) {
        report = run->report();
        report.failure = std::string(violation.what()) + "\n" + run->where();
        // What is damaged may not survive its own destruction, and the report matters more.
        static_cast<void>(run.release());
    }
    current() = nullptr;
    return report;
}

}  // namespace

RunReport run_swarm(const Swarm& swarm, const RunOptions& options) {
    return run_and_report(swarm, options, [](Run& run) { run.go(); });
}

RunReport run_script(const Swarm& swarm, std::span<const ScriptLine> script) {
    return run_and_report(swarm, {}, [&](Run& run) { run.go(script); });
}

void print_progress() {
    if (const Run* run = current(); run != nullptr) {
        std::fputs(run->where().c_str(), stderr);
    }
}

}  // namespace memcgfs::test
