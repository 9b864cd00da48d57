// SPDX-License-Identifier: MIT
//
// A large machine for measurements: 1 TiB, as much swap, effects thrown away, operations run to
// their end at once.
#pragma once

#include <cstdint>
#include <string>

#include "memcgfs/base/assert.h"
#include "memcgfs/engine/engine.h"

namespace memcgfs::bench {

class BenchMachine final : private engine::EffectSink {
public:
    BenchMachine()
        : engine({.profile = profile_,
                  .layout = engine::Layout::kV2,
                  .machine = terabyte(),
                  .clock = clock_,
                  .effects = *this}) {
        MEMCGFS_ASSERT(
            engine.set_subtree_control(root(), engine::mask_of(engine::Controller::kMemory), 0)
                .ok());
    }

    engine::Cgroup& root() { return *engine.unified()->root; }
    engine::Cgroup& make_group() {
        return *engine.find(engine.create_cgroup(root().id, "g").value());
    }
    /// Groups in two levels: a hundred to a parent.
    void make_groups(std::size_t count) {
        engine::Cgroup* parent = nullptr;
        for (std::size_t made = 0; made < count; made++) {
            if (made % 100 == 0) {
                parent = &make_group();
                MEMCGFS_ASSERT(engine
                                   .set_subtree_control(
                                       *parent, engine::mask_of(engine::Controller::kMemory), 0)
                                   .ok());
                continue;
            }
            static_cast<void>(engine.create_cgroup(parent->id, std::to_string(made)).value());
        }
    }
    engine::TaskId add_task(const engine::Cgroup& group) {
        engine::TaskInfo info;
        info.pid = next_pid_++;
        const engine::TaskId task = engine.add_task(info, {});
        MEMCGFS_ASSERT(engine.attach_task(task, group.id).ok());
        return task;
    }
    std::uint64_t run(engine::OperationPtr operation) {
        for (;;) {
            const Step step = operation->step();
            if (step.kind == Step::Kind::kDone) {
                return operation->result().ok() ? *operation->result() : 0;
            }
            clock_.advance_to(step.until);
        }
    }

private:
    static engine::Machine terabyte() {
        engine::Machine machine;
        machine.memory = Pages{1ULL << 28U};
        machine.swap = Pages{1ULL << 28U};
        machine.cpus = 64;
        return machine;
    }
    void emit(engine::Effect) override {}

    /// Without the kernel's limit of 65535 memcgs: how the engine grows is the question.
    static engine::Profile unbounded() {
        engine::Profile profile = *engine::find_profile("6.12");
        profile.memcg_ids = UINT32_MAX;
        return profile;
    }

    engine::Profile profile_ = unbounded();
    ManualClock clock_;
    std::int32_t next_pid_ = 1;

public:
    engine::Engine engine;
};

}  // namespace memcgfs::bench
