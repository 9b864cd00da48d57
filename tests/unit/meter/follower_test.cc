// SPDX-License-Identifier: MIT
//
// The follower and real processes: children of the test, which do one thing each and say so.
#include "memcgfs/meter/follower.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "memcgfs/exec/outbox.h"
#include "memcgfs/exec/system_clock.h"
#include "memcgfs/exec/thread_executor.h"
#include "meter/proc_look.h"
#include "support/catch.hpp"
#include "support/engine_fixture.h"

namespace memcgfs::meter {
namespace {

using test::mib;

constexpr std::size_t kPage = 4096;
constexpr int kPatienceMs = 10'000;

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
void touch(std::size_t megabytes) {
    const std::size_t size = megabytes << 20U;
    auto* const start = static_cast<volatile char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(const_cast<char*>(start), size, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < size; at += kPage) {
        start[at] = 1;
    }
}

bool is_traced(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("TracerPid:")) {
            return line.find_first_not_of(" \t", 10) != line.find('0', 10);
        }
    }
    return false;
}

class World {
public:
    explicit World(engine::Layout layout = engine::Layout::kV2)
        : engine({.profile = *engine::find_profile("6.1"),
                  .layout = layout,
                  .machine = test::roomy_machine(),
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
                            .child_ended = [this](pid_t pid, int status) { note(pid, status); }});
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
        const MutexLock lock(ended_mutex);
        for (int turn = 0; turn < kPatienceMs / 10 && !ended.contains(pid); ++turn) {
            ended_changed.wait_for(ended_mutex, from_millis(10));
        }
        return ended.contains(pid) ? ended[pid] : -1;
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

    SignalsBlocked blocked;
    exec::SystemClock clock;
    spdlog::logger logger{"test"};
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

TEST_CASE("what a process touches is charged when somebody asks") {
    World world;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        touch(8);
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    world.follower->settle(world.group->id);
    CHECK(world.anon() >= mib(8));
    CHECK(world.anon() < mib(9));
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("a process that ends at once has been charged for all it had") {
    World world;
    CHECK(world.wait_for(world.start([] { touch(8); })) == 0);
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("over its limit a process is killed") {
    World world;
    world.limit(mib(16));
    CHECK(world.wait_for(world.start([] { touch(64); })) == SIGKILL);
    CHECK(world.peak() <= mib(16));
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("what a process forks is followed") {
    World world;
    const pid_t child = world.start([] {
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            touch(8);
            _exit(0);
        }
        int status = 1;
        waitpid(grandchild, &status, 0);
        _exit(status);
    });
    CHECK(world.wait_for(child) == 0);
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("a process is held while there is no room and nobody is killed") {
    World world(engine::Layout::kV1);
    world.limit(mib(8));
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    Signal told;
    const pid_t child = world.start([&] {
        touch(16);
        told.give();
    });
    REQUIRE(world.becomes([&] { return world.waits_for_room(); }));
    CHECK(world.peak() <= mib(8));

    SECTION("until there is room") {
        world.limit(mib(32));
        CHECK(told.comes());
        CHECK(world.wait_for(child) == 0);
    }
    SECTION("unless it is killed") {
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) == SIGKILL);
        CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
        CHECK_FALSE(told.comes(0));
    }
    SECTION("or nobody follows it any more") {
        world.follower->stop();
        CHECK(told.comes());
        int status = 1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        world.note(child, status);
    }
    SECTION("or another is to trace it") {
        CHECK(world.follower->give_up(child, true));
        CHECK_FALSE(is_traced(child));
        CHECK(told.comes());
    }
}

TEST_CASE("a process whose first thread has ended is followed") {
    World world;
    Signal told;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::thread([&] {
            world.go.take();
            touch(8);
            _exit(7);
        }).detach();
        told.give();
        syscall(SYS_exit, 0);  // of this thread alone
    }
    world.children.push_back(child);
    REQUIRE(told.comes());
    REQUIRE(world.becomes([&] { return has_ended(child, child); }));
    world.add(child);
    CHECK(world.wait_for(child) >> 8 == 7);
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("who is given up is looked at all the same") {
    World world;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        end.take();
        touch(8);
        told.give();
        end.take();
    });
    CHECK(is_traced(child));
    CHECK(world.follower->give_up(child, true));
    CHECK_FALSE(is_traced(child));
    CHECK_FALSE(world.follower->give_up(child, true));
    end.give();
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return world.anon() >= mib(8); }));
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("a process that a signal stops is a stopped one, and is followed when it goes on") {
    World world;
    Signal told;
    const pid_t child = world.start([&] {
        raise(SIGSTOP);
        told.give();
        touch(8);
    });
    CHECK(world.becomes([&] { return !is_traced(child); }));
    kill(child, SIGCONT);
    CHECK(told.comes());
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("processes that are killed at any moment leave nothing") {
    World world;
    world.limit(mib(24));
    for (int i = 0; i < 20; ++i) {
        const pid_t child = world.start([] { touch(16); });
        poll(nullptr, 0, i);
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) != -1);
    }
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("threads and processes whose maker is killed do not stay behind") {
    World world;
    // They end with it, or else when their pipe is closed.
    Signal end;
    for (int i = 0; i < 40; ++i) {
        const pid_t child = world.start([&] {
            for (int made = 0; made < 100; ++made) {
                if (fork() == 0) {
                    close(end.ends[1]);
                    end.take();
                    _exit(0);
                }
                std::thread([] { pause(); }).detach();
            }
            pause();
        });
        poll(nullptr, 0, i % 8);
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) == SIGKILL);
    }
    close(end.ends[1]);
    end.ends[1] = -1;
    CHECK(world.becomes([&] { return world.members() == 0; }));
}

TEST_CASE("who ends before it is followed is nobody's loss") {
    World world;
    for (int i = 0; i < 20; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            _exit(0);
        }
        world.children.push_back(child);
        world.add(child);
        world.go.take();  // what it was told
        CHECK(world.wait_for(child) == 0);
    }
}

TEST_CASE("a call that may bring more than there is room for is made again") {
    World world;
    world.limit(mib(16));
    Signal told;
    const pid_t child = world.start([&] {
        told.give();
        char news = 0;
        _exit(read(world.go.ends[0], &news, 1) == 1 ? 0 : 1);
    });
    REQUIRE(told.comes());
    CHECK_FALSE(world.follower->watch_call(child, Pages{10}));

    SECTION("once, and nothing of it is lost") {
        CHECK(world.follower->watch_call(child, mib(64)));
        CHECK_FALSE(world.follower->watch_call(child, mib(64)));
    }
    SECTION("also if its caller is given up meanwhile") {
        CHECK(world.follower->watch_call(child, mib(64)));
        CHECK(world.follower->give_up(child, true));
        CHECK_FALSE(is_traced(child));
        CHECK_FALSE(world.follower->watch_call(child, mib(64)));
    }
    SECTION("not for a thread that nobody follows") {
        CHECK_FALSE(world.follower->watch_call(getpid(), mib(64)));
    }
    SECTION("not without a limit") {
        world.limit(kPageCounterMax);
        CHECK_FALSE(world.follower->watch_call(child, mib(64)));
    }
    world.go.give();
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("a wait that nothing may interrupt is not interrupted by being held") {
    World world;
    Signal told;
    const pid_t child = world.start([&] {
        told.give();
        _exit(poll(nullptr, 0, 300) == 0 ? 0 : 1);
    });
    REQUIRE(told.comes());
    // To give it up stops it for a moment.
    CHECK(world.follower->give_up(child, true));
    CHECK(world.wait_for(child) == 0);
}

}  // namespace
}  // namespace memcgfs::meter
