// SPDX-License-Identifier: MIT
//
// An engine with one group, and a follower of real processes: children of the test, which do one
// thing each and say so.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/exec/outbox.h"
#include "memcgfs/exec/system_clock.h"
#include "memcgfs/exec/thread_executor.h"
#include "memcgfs/meter/follower.h"
#include "support/catch.hpp"
#include "support/engine_fixture.h"

namespace memcgfs::meter {

using test::mib;

inline constexpr std::size_t kPage = 4096;
inline constexpr int kPatienceMs = 10'000;

/// Kills whom the engine kills, and wakes and starts what it wakes and starts.
class Handlers final : public exec::EffectHandlers {
public:
    OperationRunner* runner = nullptr;
    void spawn(std::unique_ptr<Operation> operation) override {
        runner->submit(std::move(operation), {});
    }
    void wake(OperationId operation) override { runner->wake(operation); }
    void kill(const engine::KillEffect& effect) override { ::kill(effect.pid, SIGKILL); }
    void freeze(const engine::FreezeEffect& /*effect*/) override {}
    void move(const engine::MoveEffect& /*effect*/) override {}
    void file_modified(const engine::FileModifiedEffect& /*effect*/) override {}
    void content_changed(const engine::ContentChangedEffect& /*effect*/) override {}
    void tick(const engine::EventTickEffect& /*effect*/) override {}
    void psi_trigger(const engine::PsiTriggerEffect& /*effect*/) override {}
    void run_release_agent(const engine::ReleaseAgentEffect& /*effect*/) override {}
    void await_members() override {}
    void kernel_log(const engine::KernelLogEffect& /*effect*/) override {}
};

/// Nobody asks it here.
class NoTable final : public world::TaskTable {
public:
    Result<world::ProcessInfo> find(std::int32_t /*pid*/, std::int32_t /*caller*/) override {
        return Err(Errno::kESRCH);
    }
    std::vector<world::ProcessInfo> snapshot() override { return {}; }
};

/// Those that somebody waits for (SIGCHLD, SIGURG) wait meanwhile, in all threads.
struct SignalsBlocked {
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    sigset_t before{};
};

/// A pipe on which one byte is news.
struct Signal {
    Signal() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
    ~Signal() {
        close(ends[0]);
        close(ends[1]);
    }
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    void give() const { static_cast<void>(write(ends[1], "x", 1)); }
    void take() const {
        char news = 0;
        static_cast<void>(read(ends[0], &news, 1));
    }
    bool comes(int patience_ms = kPatienceMs) const {
        pollfd wanted{ends[0], POLLIN, 0};
        if (poll(&wanted, 1, patience_ms) <= 0) {
            return false;
        }
        take();
        return true;
    }
    int ends[2]{};
};

/// What a child does to fresh memory. In a fork of a process with threads: no allocations.
inline void touch(std::size_t megabytes) {
    const std::size_t size = megabytes << 20U;
    auto* const start = static_cast<volatile char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(const_cast<char*>(start), size, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < size; at += kPage) {
        start[at] = 1;
    }
}

inline bool is_traced(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("TracerPid:")) {
            return line.find_first_not_of(" \t", 10) != line.find('0', 10);
        }
    }
    return false;
}

/// How processes are charged. With kTimer and kUntraced children are the test's to wait for.
enum class Tier : std::uint8_t { kTimer, kUntraced, kEvent, kGates, kEviction };

class World {
public:
    explicit World(engine::Layout layout = engine::Layout::kV2, Tier tier = Tier::kEvent)
        : traces(tier >= Tier::kEvent),
          engine({.profile = *engine::find_profile("6.1"),
                  .layout = layout,
                  .machine = machine_for(tier),
                  .clock = clock,
                  .effects = outbox}),
          executor(engine_mutex, outbox, clock) {
        handlers.runner = &executor;
        group = make_group("a");
        follower.emplace(
            Follower::Parts{.engine = engine,
                            .engine_mutex = engine_mutex,
                            .tasks = tasks,
                            .runner = executor,
                            .clock = clock,
                            .logger = logger,
                            .flush = [this] { outbox.flush(); },
                            .exempt = [](pid_t) { return false; },
                            .child_ended = [this](pid_t pid, int status) { note(pid, status); },
                            .traces = traces,
                            .counts = tier != Tier::kTimer,
                            .gates = tier == Tier::kGates || tier == Tier::kEviction,
                            .swap_file = swap_file_for(tier),
                            .refresh = [] {}});
    }
    ~World() {
        for (const pid_t child : children) {
            kill(child, SIGKILL);
            wait_for(child);
        }
        follower->stop();
        executor.stop();  // payments end before who has begun them
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    static engine::Machine machine_for(Tier tier) {
        engine::Machine machine = test::roomy_machine();
        if (tier == Tier::kEviction) {
            test::add_zram(machine, Pages{1U << 18U});
        }
        return machine;
    }
    static UniqueFd swap_file_for(Tier tier) {
        return tier == Tier::kEviction ? Follower::make_swap_file("/tmp").value() : UniqueFd();
    }
    /// In the books.
    Pages swapped() {
        const MutexLock lock(engine_mutex);
        return Pages{static_cast<std::uint64_t>(group->memcg->stat_total(engine::StatItem::kSwap))};
    }

    engine::Cgroup* make_group(std::string_view name) {
        const MutexLock lock(engine_mutex);
        engine::Cgroup& root = *engine.memory_hierarchy().root;
        if (root.is_v2()) {
            REQUIRE(
                engine.set_subtree_control(root, engine::mask_of(engine::Controller::kMemory), 0)
                    .ok());
        }
        return engine.find(*engine.create_cgroup(root.id, name));
    }
    void run(engine::OperationPtr operation) {
        Signal done;
        executor.submit(std::move(operation), [&done](const OperationResult&) { done.give(); });
        REQUIRE(done.comes());
    }
    void limit(Pages max) {
        engine::OperationPtr operation;
        {
            const MutexLock lock(engine_mutex);
            operation = group->is_v2()
                            ? engine.set_memory_max(*group->memcg, max)
                            : engine.set_limit(*group->memcg, engine::CounterKind::kMemory, max);
        }
        run(std::move(operation));
    }
    /// A child in the group that is followed before it does its work.
    template <class Work>
    pid_t start(const Work& work) {
        const pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
            pthread_sigmask(SIG_SETMASK, &blocked.before, nullptr);
            go.take();
            work();
            _exit(0);
        }
        children.push_back(child);
        add(child);
        return child;
    }
    /// Puts it into the group, and lets it go to work.
    void add(pid_t child) {
        {
            const MutexLock lock(engine_mutex);
            engine::TaskInfo info;
            info.pid = child;
            const engine::TaskId task = engine.add_task(info, {});
            REQUIRE(engine.attach_task(task, group->id).ok());
        }
        follower->moved(child);
        follower->await_moves();
        go.give();
    }
    /// waitpid(2)'s status; -1: it does not end.
    int wait_for(pid_t pid) {
        int status = -1;
        if (!traces) {
            waitpid(pid, &status, 0);
            return status;
        }
        const MutexLock lock(ended_mutex);
        for (int turn = 0; turn < kPatienceMs / 10 && !ended.contains(pid); ++turn) {
            ended_changed.wait_for(ended_mutex, from_millis(10));
        }
        return ended.contains(pid) ? ended[pid] : -1;
    }
    bool has_ended(pid_t pid) {
        const MutexLock lock(ended_mutex);
        return ended.contains(pid);
    }
    void note(pid_t pid, int status) {
        const MutexLock lock(ended_mutex);
        ended[pid] = status;
        ended_changed.notify_all();
    }
    bool becomes(const std::function<bool()>& condition) {
        const Nanos end = clock.now() + from_millis(kPatienceMs);
        while (clock.now() < end) {
            if (condition()) {
                return true;
            }
            poll(nullptr, 0, 1);
        }
        return false;
    }
    Pages peak() {
        const MutexLock lock(engine_mutex);
        return group->memcg->memory.watermark();
    }
    Pages anon() {
        const MutexLock lock(engine_mutex);
        return Pages{static_cast<std::uint64_t>(group->memcg->stat_total(engine::StatItem::kAnon))};
    }
    /// Those that the engine has not been told the end of.
    std::size_t members() {
        const MutexLock lock(engine_mutex);
        return group->memcg->is_root() ? 0 : group->tasks.size();
    }
    bool waits_for_room() {
        const MutexLock lock(engine_mutex);
        return group->memcg->under_oom > 0;
    }

    const bool traces;
    SignalsBlocked blocked;
    exec::SystemClock clock;
    std::ostringstream logged;
    spdlog::logger logger{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged)};
    NoTable tasks;
    Mutex engine_mutex{LockRank::kEngine};
    Handlers handlers;
    exec::Outbox outbox{handlers};
    engine::Engine engine;
    exec::ThreadExecutor executor;
    engine::Cgroup* group = nullptr;
    Mutex ended_mutex{LockRank::kLeaf};
    CondVar ended_changed;
    std::map<pid_t, int> ended;
    std::vector<pid_t> children;
    Signal go;
    std::optional<Follower> follower;
};

}  // namespace memcgfs::meter
