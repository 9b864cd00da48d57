// SPDX-License-Identifier: MIT
#include "memcgfs/interface/puppet_control.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "memcgfs/exec/sim_executor.h"
#include "memcgfs/interface/control_protocol.h"
#include "memcgfs/world/scripted_tasks.h"
#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

using engine::Cgroup;
using engine::CounterKind;

/// The object graph of a mounted tree, without the tree: in virtual time, on one thread.
class Graph final : public exec::EffectHandlers {
public:
    Graph() = default;

    void spawn(std::unique_ptr<Operation> operation) override {
        executor.submit(std::move(operation), {});
    }
    void wake(OperationId operation) override { executor.wake(operation); }
    void kill(const engine::KillEffect& effect) override { killed.push_back(effect.pid); }
    void freeze(const engine::FreezeEffect&) override {}
    void move(const engine::MoveEffect&) override {}
    void file_modified(const engine::FileModifiedEffect&) override { notified++; }
    void content_changed(const engine::ContentChangedEffect&) override {}
    void tick(const engine::EventTickEffect&) override {}
    void psi_trigger(const engine::PsiTriggerEffect&) override {}
    void run_release_agent(const engine::ReleaseAgentEffect&) override {}
    void await_members() override {}
    void kernel_log(const engine::KernelLogEffect& effect) override { log.push_back(effect.line); }

    Cgroup& group(std::string_view name, std::optional<Pages> limit = {}) {
        const MutexLock lock(engine_mutex);
        const auto id = engine.create_cgroup(engine.memory_hierarchy().root->id, name);
        REQUIRE(id.ok());
        Cgroup& made = *engine.find(*id);
        if (limit) {
            made.memcg->memory.set_max(*limit);
        }
        return made;
    }
    /// A process in `group`, as a write to its cgroup.procs leaves it.
    void process(std::int32_t pid, Cgroup& group) {
        world::ProcessInfo info;
        info.pid = pid;
        info.comm = "puppet";
        tasks.put(info);
        const MutexLock lock(engine_mutex);
        engine::TaskInfo task;
        task.pid = pid;
        REQUIRE(engine.attach_task(engine.add_task(task, {}), group.id).ok());
    }
    std::uint64_t usage(Cgroup& group) const {
        return engine.usage(*group.memcg, CounterKind::kMemory).count();
    }

    Mutex engine_mutex{LockRank::kEngine};
    ManualClock clock;
    exec::Outbox outbox{*this};
    exec::SimExecutor executor{engine_mutex, outbox, clock, 1};
    engine::Engine engine{{.profile = *engine::find_profile("6.1"),
                           .layout = engine::Layout::kV1,
                           .machine = {},
                           .clock = clock,
                           .effects = outbox}};
    world::ScriptedTasks tasks;
    PuppetControl control{engine, engine_mutex, tasks, [this] { outbox.flush(); }};
    std::vector<std::int32_t> killed;
    std::vector<std::string> log;
    int notified = 0;
};

/// One open directory of a process.
class Client {
public:
    Client(Graph& graph, std::int32_t pid) : graph_(graph) { context_.caller.pid = pid; }

    /// Sends a request and does not wait for an operation's end.
    void send(ControlOp op, std::array<std::uint64_t, 8> args) {
        message = {};
        message.op = op;
        message.args = args;
        context_.state = &state_;
        answered = false;
        auto outcome =
            graph_.control.control(context_, std::as_writable_bytes(std::span(&message, 1)));
        if (!outcome.ok()) {
            channel_error = outcome.error();
            answered = true;
            return;
        }
        channel_error.reset();
        if (outcome->operation == nullptr) {
            answered = true;
            return;
        }
        operation = outcome->operation->id();
        graph_.executor.submit(std::move(outcome->operation), [this](OperationResult result) {
            answered = true;
            CHECK(result.ok());
        });
    }
    /// The result of a request, all of it.
    std::int32_t ask(ControlOp op, std::array<std::uint64_t, 8> args = {}) {
        send(op, args);
        graph_.executor.run_until_idle();
        REQUIRE(answered);
        REQUIRE_FALSE(channel_error);
        return message.result;
    }
    std::uint64_t region(ControlOp op, std::array<std::uint64_t, 8> args) {
        REQUIRE(ask(op, args) == 0);
        return message.args[0];
    }
    void hello() { REQUIRE(ask(ControlOp::kHello) == 0); }
    void close() { state_.reset(); }
    void as_user(uid_t uid) { context_.caller.uid = uid; }

    ControlMessage message;
    std::optional<Errno> channel_error;
    bool answered = false;
    OperationId operation{};

private:
    Graph& graph_;
    vfs::FileContext context_;
    std::unique_ptr<vfs::OpenState> state_;
};

/// A real file, so that its end is real; gone at the end at the latest.
class RealFile {
public:
    RealFile() : descriptor_(mkstemp(path_)) { REQUIRE(descriptor_ >= 0); }
    ~RealFile() {
        remove();
        close();
    }
    RealFile(const RealFile&) = delete;
    RealFile& operator=(const RealFile&) = delete;
    std::array<std::uint64_t, 8> args(std::uint64_t first = 0, std::uint64_t count = 0,
                                      std::uint64_t write = 0) const {
        struct stat status {};
        fstat(descriptor_, &status);
        return {status.st_dev, status.st_ino, 0,     static_cast<std::uint64_t>(descriptor_),
                first,         count,         write, 0};
    }
    void remove() { unlink(path_); }
    void close() {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

private:
    char path_[32] = "/tmp/memcgfs-test-XXXXXX";
    int descriptor_;
};

TEST_CASE("only our messages are ours", "[interface]") {
    Graph graph;
    std::unique_ptr<vfs::OpenState> state;
    vfs::FileContext context;
    context.state = &state;
    std::array<std::byte, 16> small{};
    CHECK(graph.control.control(context, small).error() == Errno::kENOTTY);
    ControlMessage message;
    message.op = ControlOp::kHello;
    message.version++;
    const auto bytes = std::as_writable_bytes(std::span(&message, 1));
    CHECK(graph.control.control(context, bytes).error() == Errno::kENOTTY);
    message.version--;
    CHECK(graph.control.control(context, bytes).error() == Errno::kESRCH);  // unknown caller
}

TEST_CASE("anybody may ask how a process is charged", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    for (const std::int32_t pid : {50, 51, 52, 53}) {
        graph.process(pid, group);
    }
    graph.control.use_real_processes([](std::int32_t pid) -> std::optional<PuppetControl::Charged> {
        if (pid == 51) {
            return PuppetControl::Charged{ChargeTier::kEvent, Pages{7}};
        }
        return std::nullopt;
    });
    Client puppet(graph, 50);
    puppet.hello();
    const auto anon = puppet.region(ControlOp::kAnon, {1000});
    CHECK(puppet.ask(ControlOp::kTouch, {anon, 0, 300, 1}) == 0);

    Client client(graph, 53);  // says no hello
    const auto answer = [&](std::uint64_t pid) {
        CHECK(client.ask(ControlOp::kAsk, {pid}) == 0);
        return std::pair(static_cast<ChargeTier>(client.message.args[0]), client.message.args[1]);
    };
    CHECK(answer(50) == std::pair(ChargeTier::kModelled, std::uint64_t{300}));
    CHECK(answer(51) == std::pair(ChargeTier::kEvent, std::uint64_t{7}));
    CHECK(answer(52) == std::pair(ChargeTier::kNone, std::uint64_t{0}));
    CHECK(client.ask(ControlOp::kAsk, {99}) == ESRCH);
    CHECK(client.ask(ControlOp::kAsk, {std::uint64_t{1} << 40U}) == ESRCH);
}

TEST_CASE("a puppet's memory is charged to its group and freed at its end", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    Client client(graph, 50);
    client.hello();
    const auto anon = client.region(ControlOp::kAnon, {1000});
    CHECK(graph.usage(group) == 0);
    CHECK(client.ask(ControlOp::kTouch, {anon, 0, 1000, 1}) == 0);
    CHECK(graph.usage(group) >= 1000);
    const auto shared = client.region(ControlOp::kShared, {500});
    CHECK(client.ask(ControlOp::kTouch, {shared, 0, 500, 1}) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kAnon) == 1000);
    CHECK(group.memcg->stat(engine::StatItem::kShmem) == 500);
    CHECK(client.ask(ControlOp::kDiscard, {anon, 900, 100}) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kAnon) == 900);
    CHECK(client.ask(ControlOp::kUnmap, {shared}) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kShmem) == 0);
    const auto again = client.region(ControlOp::kShared, {500});
    CHECK(client.ask(ControlOp::kTouch, {again, 0, 500, 1}) == 0);
    const auto locked = client.region(ControlOp::kAnon, {10});
    CHECK(client.ask(ControlOp::kLock, {locked}) == 0);
    CHECK(client.ask(ControlOp::kTouch, {locked, 0, 10, 1}) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kUnevictable) == 10);

    SECTION("it says so") {
        CHECK(client.ask(ControlOp::kBye) == 0);
        // Its process is still there, and must not be met once more.
        CHECK(graph.tasks.find(50, 0)->zombie);
    }
    SECTION("its directory is closed") { client.close(); }
    CHECK(group.memcg->stat(engine::StatItem::kAnon) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kShmem) == 0);
    CHECK(graph.engine.find_task_by_pid(50) == nullptr);
    CHECK_FALSE(group.populated());
}

TEST_CASE("a process that nobody has met joins the groups of its tag", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    std::uint32_t css_set = 0;
    {
        const MutexLock lock(graph.engine_mutex);
        css_set = graph.engine.css_set_of(graph.engine.find_task_by_pid(50)->groups);
    }
    world::ProcessInfo child;
    child.pid = 51;
    child.css_set = css_set;
    child.oom_score_adj = 7;
    graph.tasks.put(child);
    graph.tasks.put_thread(52, 51);
    Client client(graph, 52);
    client.hello();
    const engine::Task* task = graph.engine.find_task_by_pid(51);
    REQUIRE(task != nullptr);
    CHECK(task->groups.in(group.hierarchy->id) == group.id);
    CHECK(task->info.oom_score_adj == 7);
    CHECK(client.message.args[0] == 1);

    child.pid = 53;
    child.css_set = 0;
    graph.tasks.put(child);
    Client outsider(graph, 53);
    outsider.hello();
    CHECK(outsider.message.args[0] == 0);
}

TEST_CASE("a puppet may stand for a process that is not to be killed", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    Client client(graph, 50);
    CHECK(client.ask(ControlOp::kHello, {1, static_cast<std::uint64_t>(-1001)}) == EINVAL);
    CHECK(client.ask(ControlOp::kHello, {1, static_cast<std::uint64_t>(-1000)}) == 0);
    CHECK(client.ask(ControlOp::kAnon, {10}) == 0);
    CHECK(graph.engine.find_task_by_pid(50)->info.oom_score_adj == -1000);
    client.as_user(1000);
    CHECK(client.ask(ControlOp::kHello, {1, 5}) == EACCES);
}

TEST_CASE("an open directory is of one process, and comes with a hello", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    Client client(graph, 50);
    client.send(ControlOp::kAnon, {10});
    CHECK(client.channel_error == Errno::kEINVAL);
    client.hello();
    for (const auto& args : {std::array<std::uint64_t, 8>{0}, {1ULL << 60U}}) {
        client.send(ControlOp::kAnon, args);
        CHECK(client.channel_error == Errno::kEINVAL);
    }
    client.send(ControlOp::kTouch, {99, 0, 1, 1});
    CHECK(client.channel_error == Errno::kEINVAL);
    client.send(static_cast<ControlOp>(99), {});
    CHECK(client.channel_error == Errno::kEINVAL);
    // More than the machine has is refused as the kernel refuses it.
    CHECK(client.ask(ControlOp::kAnon, {graph.engine.machine().memory.count() + 1}) == ENOMEM);
}

TEST_CASE("a file's cache outlives its readers and ends with the file", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    graph.process(51, group);
    RealFile file;
    {
        Client client(graph, 50);
        client.hello();
        CHECK(client.ask(ControlOp::kFileIo, file.args(0, 300, 1)) == 0);
    }
    CHECK(group.memcg->stat(engine::StatItem::kFile) == 300);
    // The writer is no real process, so its file could not be watched; the reader's can.
    graph.tasks.put_thread(getpid(), 51);
    Client reader(graph, getpid());
    reader.hello();
    CHECK(reader.ask(ControlOp::kFileIo, file.args(0, 300)) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kFile) == 300);

    SECTION("removed") {
        file.remove();
        graph.control.settle();
        CHECK(group.memcg->stat(engine::StatItem::kFile) == 300);  // still open
        file.close();
        graph.control.settle();
    }
    SECTION("removed while it is mapped") {
        CHECK(reader.ask(ControlOp::kMapFile, file.args()) == 0);
        const std::uint64_t region = reader.message.args[0];
        CHECK(reader.ask(ControlOp::kTouch, {region, 0, 300, 0}) == 0);
        CHECK(group.memcg->stat(engine::StatItem::kFileMapped) == 300);
        file.remove();
        file.close();
        graph.control.settle();
        CHECK(reader.ask(ControlOp::kUnmap, {region}) == 0);
    }
    SECTION("truncated") {
        CHECK(reader.ask(ControlOp::kTruncate, file.args()) == 0);
        CHECK(group.memcg->stat(engine::StatItem::kFile) == 0);
        CHECK(reader.ask(ControlOp::kFileIo, file.args(0, 5, 1)) == 0);
        CHECK(group.memcg->stat(engine::StatItem::kFile) == 5);
        file.remove();
        file.close();
        graph.control.settle();
    }
    SECTION("dropped") {
        CHECK(reader.ask(ControlOp::kSync, file.args()) == 0);
        CHECK(reader.ask(ControlOp::kDrop, file.args()) == 0);
    }
    CHECK(group.memcg->stat(engine::StatItem::kFile) == 0);
    CHECK(group.memcg->stat(engine::StatItem::kFileMapped) == 0);
    graph.engine.check_invariants();
}

TEST_CASE("a file whose cache is somebody else's", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    RealFile file;
    const engine::MappingId mapping = graph.engine.create_mapping({}, engine::PageKind::kFile);
    graph.control.use_other_caches([&](std::uint64_t device, std::uint64_t inode) {
        const auto args = file.args();
        return device == args[0] && inode == args[1] ? std::optional(mapping) : std::nullopt;
    });
    {
        Client client(graph, 50);
        client.hello();
        CHECK(client.ask(ControlOp::kFileIo, file.args(0, 300, 1)) == 0);
        CHECK(group.memcg->stat(engine::StatItem::kFile) == 300);
        CHECK(client.ask(ControlOp::kTruncate, file.args()) == 0);  // who keeps it sees to that
        CHECK(group.memcg->stat(engine::StatItem::kFile) == 300);
        CHECK(client.ask(ControlOp::kMapFile, file.args()) == 0);
    }
    graph.engine.destroy_mapping(mapping);
    CHECK(group.memcg->stat(engine::StatItem::kFile) == 0);
    graph.engine.check_invariants();
}

TEST_CASE("a kept segment stays until it is removed", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g");
    graph.process(50, group);
    const int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id < 0) {
        WARN("no System V memory here: not tested");
        return;
    }
    {
        Client client(graph, 50);
        client.hello();
        const auto region =
            client.region(ControlOp::kSegment, {100, static_cast<std::uint64_t>(id)});
        CHECK(client.ask(ControlOp::kTouch, {region, 0, 100, 1}) == 0);
    }
    graph.control.settle();
    CHECK(group.memcg->stat(engine::StatItem::kShmem) == 100);
    shmctl(id, IPC_RMID, nullptr);
    graph.control.settle();
    CHECK(group.memcg->stat(engine::StatItem::kShmem) == 0);
}

TEST_CASE("a puppet that is killed gets no further", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g", Pages{1000});
    graph.process(50, group);
    graph.process(51, group);
    Client large(graph, 50);
    large.hello();
    const auto region = large.region(ControlOp::kShared, {800});
    CHECK(large.ask(ControlOp::kTouch, {region, 0, 800, 1}) == 0);
    Client small(graph, 51);
    small.hello();
    const auto more = small.region(ControlOp::kAnon, {500});
    CHECK(small.ask(ControlOp::kTouch, {more, 0, 500, 1}) == 0);
    CHECK(graph.killed.empty() == false);
    CHECK(graph.killed.front() == 50);

    // What its last breath asks for is refused: it would else come back to life.
    large.send(ControlOp::kAnon, {10});
    CHECK(large.channel_error == Errno::kESRCH);
    large.close();
    CHECK(group.memcg->stat(engine::StatItem::kShmem) == 0);
    CHECK(graph.engine.find_task_by_pid(50) == nullptr);
}

TEST_CASE("the kill is delivered before the answer of the request it ends", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g", Pages{100});
    graph.process(50, group);
    Client client(graph, 50);
    client.hello();
    const auto region = client.region(ControlOp::kAnon, {500});
    client.send(ControlOp::kTouch, {region, 0, 500, 1});
    while (!client.answered) {
        REQUIRE(graph.executor.step_one());
        CHECK(client.answered <= !graph.killed.empty());
    }
    CHECK(client.message.result == EINTR);
    REQUIRE_FALSE(graph.log.empty());
    CHECK(graph.log.back().starts_with("Memory cgroup out of memory: Killed process"));
}

TEST_CASE("an interrupted request is answered and can be asked again", "[interface]") {
    Graph graph;
    Cgroup& group = graph.group("g", Pages{100});
    {
        const MutexLock lock(graph.engine_mutex);
        graph.engine.set_oom_kill_disable(*group.memcg, true);
    }
    graph.process(50, group);
    Client client(graph, 50);
    client.hello();
    const auto region = client.region(ControlOp::kAnon, {150});
    client.send(ControlOp::kTouch, {region, 0, 150, 1});
    graph.executor.run_until_idle();
    REQUIRE_FALSE(client.answered);
    graph.executor.interrupt(client.operation);
    graph.executor.run_until_idle();
    REQUIRE(client.answered);
    CHECK(client.message.result == EINTR);

    client.send(ControlOp::kTouch, {region, 0, 150, 1});
    graph.executor.run_until_idle();
    REQUIRE_FALSE(client.answered);
    graph.executor.submit(graph.engine.set_limit(*group.memcg, CounterKind::kMemory, Pages{400}),
                          {});
    graph.executor.run_until_idle();
    REQUIRE(client.answered);
    CHECK(client.message.result == 0);
    CHECK(group.memcg->stat(engine::StatItem::kAnon) == 150);
}

}  // namespace
}  // namespace memcgfs::interface
