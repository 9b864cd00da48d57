// SPDX-License-Identifier: MIT
//
// A machine for tests: an engine on a manual clock, effects run or recorded at once, operations
// stepped to their end one after another. Tests of interleavings use exec::SimExecutor instead.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "memcgfs/engine/engine.h"
#include "support/catch.hpp"

namespace memcgfs::test {

/// Keeps what the engine wanted done. Spawned operations wait in `spawned`.
class RecordingSink final : public engine::EffectSink {
public:
    void emit(engine::Effect effect) override {
        if (auto* spawn = std::get_if<engine::SpawnEffect>(&effect)) {
            spawned.push_back(std::move(spawn->operation));
        } else if (auto* kill = std::get_if<engine::KillEffect>(&effect)) {
            killed.push_back(kill->pid);
        } else if (auto* wake = std::get_if<engine::WakeEffect>(&effect)) {
            woken.push_back(wake->operation);
        } else if (auto* tick = std::get_if<engine::EventTickEffect>(&effect)) {
            ticks[tick->event]++;
            tick_effects.push_back(*tick);
        } else if (auto* psi = std::get_if<engine::PsiTriggerEffect>(&effect)) {
            (psi->fired ? psi_fired : psi_gone).push_back(psi->cookie);
        } else if (auto* file = std::get_if<engine::FileModifiedEffect>(&effect)) {
            modified.push_back(*file);
        } else if (auto* release = std::get_if<engine::ReleaseAgentEffect>(&effect)) {
            released.push_back(release->program + " " + release->group);
        } else if (std::holds_alternative<engine::AwaitMembersEffect>(effect)) {
            awaits++;
        } else if (auto* line = std::get_if<engine::KernelLogEffect>(&effect)) {
            log.push_back(line->line);
            log_levels.push_back(line->level);
        }
    }
    std::deque<engine::OperationPtr> spawned;
    std::vector<std::int32_t> killed;
    std::vector<OperationId> woken;
    std::vector<std::string> log;
    std::vector<engine::LogLevel> log_levels;  ///< of the lines of `log`
    std::vector<std::uint64_t> psi_fired;  ///< cookies
    std::vector<std::uint64_t> psi_gone;
    std::vector<engine::FileModifiedEffect> modified;
    std::vector<std::string> released;  ///< what is to run, with its argument
    int awaits = 0;
    std::map<engine::EventId, int> ticks;  ///< by registration; the last one included
    std::vector<engine::EventTickEffect> tick_effects;
};

/// More memory than a test fills that does not mean to.
inline engine::Machine roomy_machine() {
    engine::Machine machine;
    machine.memory = Pages{16ULL << 18U};
    return machine;
}

/// Swap in memory, where a write is over at once. The costs are the machine's, set before.
inline void add_zram(engine::Machine& machine, Pages pages) {
    machine.swap = pages;
    machine.swap_devices = {{.pages = pages,
                             .synchronous = true,
                             .write = machine.costs.swap_out,
                             .read = machine.costs.swap_in}};
}

class EngineFixture {
public:
    explicit EngineFixture(std::string_view profile_name, engine::Layout layout,
                           engine::Machine machine = roomy_machine(),
                           std::function<void(const engine::Memcg&, TextBuffer&)> print_stat = {},
                           engine::Observer* observer = nullptr,
                           engine::MountFlags mount_flags = {})
        : EngineFixture(*engine::find_profile(profile_name), layout, machine, std::move(print_stat),
                        observer, mount_flags) {}
    /// `profile` outlives the fixture.
    EngineFixture(const engine::Profile& profile, engine::Layout layout, engine::Machine machine,
                  std::function<void(const engine::Memcg&, TextBuffer&)> print_stat = {},
                  engine::Observer* observer = nullptr, engine::MountFlags mount_flags = {},
                  std::vector<engine::HierarchySpec> further_hierarchies = {})
        : engine({.profile = profile,
                  .layout = layout,
                  .machine = machine,
                  .clock = clock,
                  .effects = sink,
                  .observer = observer,
                  .mount_flags = mount_flags,
                  .further_hierarchies = std::move(further_hierarchies),
                  .print_stat = std::move(print_stat)}) {}

    /// Steps to the end; sleeps move the clock. A wait that nobody ends is a failure.
    OperationResult run(engine::OperationPtr operation) {
        for (;;) {
            const Step step = operation->step();
            if (step.kind == Step::Kind::kDone) {
                return operation->result();
            }
            REQUIRE(step.kind != Step::Kind::kWait);
            clock.advance_to(step.until);
        }
    }

    /// Steps `operation` and the background work in the order of time, up to `time`. What is not
    /// over then goes on at the next call.
    void run_side_by_side(Operation& operation, Nanos time) {
        if (side.empty() || side.front().operation != &operation) {
            side.push_front({&operation, nullptr, clock.now()});
        }
        for (;;) {
            for (; !sink.spawned.empty(); sink.spawned.pop_front()) {
                Operation* spawned = sink.spawned.front().get();
                side.push_back({spawned, std::move(sink.spawned.front()), clock.now()});
            }
            const auto next =
                std::min_element(side.begin(), side.end(),
                                 [](const Side& a, const Side& b) { return a.due < b.due; });
            if (next == side.end() || next->due > time) {
                clock.advance_to(time);
                return;
            }
            clock.advance_to(next->due);
            const Step step = next->operation->step();
            REQUIRE(step.kind != Step::Kind::kWait);
            if (step.kind == Step::Kind::kDone) {
                side.erase(next);
            } else {
                next->due = step.kind == Step::Kind::kSleep ? step.until : clock.now();
            }
        }
    }

    /// Runs the background work that has been queued so far. khugepaged, which goes on for as long
    /// as there are tasks, is put aside.
    void run_spawned() {
        while (!sink.spawned.empty()) {
            engine::OperationPtr operation = std::move(sink.spawned.front());
            sink.spawned.pop_front();
            if (operation->name() == "khugepaged") {
                khugepaged = std::move(operation);
            } else {
                REQUIRE(run(std::move(operation)).ok());
            }
        }
    }

    engine::Cgroup& make(engine::Cgroup& parent, std::string_view name) {
        const auto id = engine.create_cgroup(parent.id, name);
        REQUIRE(id.ok());
        return *engine.find(*id);
    }
    engine::Cgroup& root() { return *engine.memory_hierarchy().root; }
    /// A group with a memcg of its own, in either hierarchy.
    engine::Cgroup& make_memory(engine::Cgroup& parent, std::string_view name) {
        if (parent.is_v2()) {
            REQUIRE(
                engine.set_subtree_control(parent, engine::mask_of(engine::Controller::kMemory), 0)
                    .ok());
        }
        return make(parent, name);
    }
    /// Sets the hard limit, v1's or v2's; it must succeed.
    void limit(engine::Cgroup& group, Pages max) {
        const bool v2 = group.is_v2();
        REQUIRE(run(v2 ? engine.set_memory_max(*group.memcg, max)
                       : engine.set_limit(*group.memcg, engine::CounterKind::kMemory, max))
                    .ok());
    }
    engine::TaskId add_task(engine::Cgroup& group, std::int32_t oom_score_adj = 0) {
        engine::TaskInfo info;
        info.pid = next_pid++;
        info.comm = "task";
        info.oom_score_adj = oom_score_adj;
        const engine::TaskId id = engine.add_task(info, {});
        REQUIRE(engine.attach_task(id, group.id).ok());
        return id;
    }
    /// Touches `pages` fresh anonymous pages.
    OperationResult anon(engine::TaskId task, std::uint64_t pages) {
        const auto mapping = engine.create_mapping(task, engine::PageKind::kAnon);
        return run(engine.touch(task, mapping, {0, pages}, engine::Access::kWrite));
    }
    /// Reads `pages` pages of a file through the page cache.
    OperationResult read_file(engine::TaskId task, engine::MappingId file, std::uint64_t pages) {
        return run(engine.file_io(task, file, {0, pages}, engine::Access::kRead));
    }

    ManualClock clock;
    RecordingSink sink;
    engine::Engine engine;
    std::int32_t next_pid = 100;
    engine::OperationPtr khugepaged;
    struct Side {
        Operation* operation = nullptr;
        engine::OperationPtr owned;
        Nanos due{};
    };
    std::deque<Side> side;
};

constexpr Pages mib(std::uint64_t count) { return Pages{count << 8U}; }

}  // namespace memcgfs::test
