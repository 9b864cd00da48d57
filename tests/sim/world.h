// SPDX-License-Identifier: MIT
//
// An engine, a seeded executor and a memory of what has been started: what the actions of a
// simulation act on. One world is one run of one seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/random.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/exec/outbox.h"
#include "memcgfs/exec/sim_executor.h"
#include "memcgfs/exec/trace_hash.h"
#include "sim/actions.h"
#include "sim/swarm.h"

namespace memcgfs::test {

/// Something that must hold does not.
class Violation : public std::runtime_error {
public:
    Violation(std::string_view checker, std::string_view what)
        : std::runtime_error(std::string(checker) + ": " + std::string(what)) {}
};

/// The operations that have been handed over and have not ended, with their names.
using LiveOperations = std::map<OperationId, std::string_view>;

class World final : private exec::EffectHandlers, private engine::FaultInjector {
public:
    explicit World(const Swarm& swarm);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // The run (run.cc).
    /// Draws the action at `position` of the run and does it, engine lock held; then delivers.
    /// Its name, or "" if it was skipped.
    std::string_view act(std::uint32_t position);
    /// Does the action of that number (modulo their count), which draws from `random`.
    void act_as(std::size_t number, std::uint64_t random);
    /// One step of one operation. False: none can go on.
    bool step() { return executor_.step_one(); }
    /// Engine lock held, effects delivered afterwards.
    template <class Body>
    void locked(Body body) {
        {
            const MutexLock lock(mutex_);
            body();
        }
        deliver();
    }
    std::uint64_t steps() const { return executor_.steps(); }
    const LiveOperations& live() const { return live_; }
    const exec::TraceHash& history() const { return history_; }
    std::uint64_t kills() const { return kills_; }
    /// History and results in one number.
    std::uint64_t hash() const { return history_.hash() * 31 + results_; }

    // For the actions. Engine lock held.
    const Swarm& swarm() const { return swarm_; }
    engine::Engine& engine() { return engine_; }
    std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
    bool one_in(std::uint64_t times) { return random_.below(times) == 0; }
    template <class T>
    T pick(const std::vector<T>& from) {
        return from.empty() ? T{} : from[random_.below(from.size())];
    }
    /// A group, now and then one that has been removed: then nullptr.
    engine::Cgroup* pick_group() { return engine_.find(pick(groups)); }
    /// A group with a memcg of its own, not the root; else nullptr.
    engine::Cgroup* pick_limited_group();
    /// A task without an operation under way, or none.
    engine::TaskId pick_idle_task();
    /// A page count around the run's scale; sometimes 0, sometimes very large.
    std::uint64_t some_pages();
    /// Hands an operation over. The writer of one in five of them gets a signal.
    void start(engine::OperationPtr operation, bool may_interrupt = true);
    /// The same on behalf of a task, which is not idle until it ends.
    void start(engine::TaskId task, engine::OperationPtr operation);

    std::vector<engine::CgroupId> groups;  ///< roots first; removed ones stay for a while
    std::vector<engine::TaskId> tasks;     ///< exited ones stay for a while
    std::vector<engine::MappingId> mappings;
    std::set<engine::EventId> listening;  ///< registrations that have not ended
    engine::EventId closing{};            ///< may be heard of until this action's end
    std::map<std::uint64_t, engine::PsiTriggerId> triggers;  ///< likewise, by cookie
    std::uint64_t next_cookie = 1;
    std::int32_t next_pid = 100;

private:
    void spawn(std::unique_ptr<Operation> operation) override;
    void wake(OperationId operation) override { executor_.wake(operation); }
    void kill(const engine::KillEffect&) override { kills_++; }
    void freeze(const engine::FreezeEffect&) override {}
    void move(const engine::MoveEffect&) override {}
    void file_modified(const engine::FileModifiedEffect&) override {}
    void content_changed(const engine::ContentChangedEffect&) override {}
    void tick(const engine::EventTickEffect& effect) override;
    void psi_trigger(const engine::PsiTriggerEffect& effect) override;
    void run_release_agent(const engine::ReleaseAgentEffect&) override {}
    void await_members() override {}
    void kernel_log(const engine::KernelLogEffect&) override {}
    bool fires(engine::FaultSite site) override;
    bool may_fire(engine::FaultSite site) const override;

    void submit(std::unique_ptr<Operation> operation, engine::TaskId task);
    void deliver();

    Swarm swarm_;
    std::vector<Action> actions_;
    Random random_;        // reseeded for each action, so that leaving one out changes no other
    Random fault_random_;
    ManualClock clock_;
    Mutex mutex_{LockRank::kEngine};
    exec::Outbox outbox_;
    exec::TraceHash history_;
    engine::Engine engine_;
    exec::SimExecutor executor_;
    LiveOperations live_;
    std::vector<engine::TaskId> busy_;
    std::vector<OperationId> interrupts_;  // to be sent once the lock is free
    std::uint64_t results_ = 0;
    std::uint64_t kills_ = 0;
};

}  // namespace memcgfs::test
