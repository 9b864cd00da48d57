// SPDX-License-Identifier: MIT
//
// Runs the programs that v1's release_agent names, and hears at once when the last member of a
// group that wants one has ended: nobody need look at the tree meanwhile.
//
// Threads: run() and look() by one thread at a time, no lock held. A thread of its own waits for
// the ends of members.
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <thread>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/runner/unique_fd.h"
#include "memcgfs/runner/world_agent.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class ReleaseAgents {
public:
    /// All of it outlives this.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::LiveTasks& tasks;
        spdlog::logger& logger;
        /// Brings the engine's tasks up to date and delivers what follows.
        std::function<void()> refresh;
    };
    ReleaseAgents(runner::WorldAgent agent, Parts parts);
    ~ReleaseAgents();
    ReleaseAgents(const ReleaseAgents&) = delete;
    ReleaseAgents& operator=(const ReleaseAgents&) = delete;

    /// Starts the program as a member of the root groups.
    void run(const engine::ReleaseAgentEffect& effect);
    /// There are more members to wait for.
    void look();
    /// Nothing is heard of any more. Once, or by the destructor.
    void stop();

private:
    void wait_for_members();

    runner::WorldAgent agent_;
    const Parts parts_;
    runner::UniqueFd stop_;
    runner::UniqueFd look_;
    std::thread thread_;
};

}  // namespace memcgfs::cli
