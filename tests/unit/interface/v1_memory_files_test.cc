// SPDX-License-Identifier: MIT
#include <set>

#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

using namespace std::string_literals;

const std::string kUnlimited = "9223372036854771712\n";

TEST_CASE("v1 6.1: a fresh group reads as a real one", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"memory.usage_in_bytes", "0\n"},
        {"memory.max_usage_in_bytes", "0\n"},
        {"memory.limit_in_bytes", kUnlimited},
        {"memory.soft_limit_in_bytes", kUnlimited},
        {"memory.failcnt", "0\n"},
        {"memory.force_empty", "EINVAL"},
        {"memory.use_hierarchy", "1\n"},
        {"cgroup.event_control", "EINVAL"},
        {"memory.swappiness", "60\n"},
        {"memory.move_charge_at_immigrate", "0\n"},
        {"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"},
        {"memory.pressure_level", "EINVAL"},
        {"memory.kmem.limit_in_bytes", kUnlimited},
        {"memory.kmem.usage_in_bytes", "0\n"},
        {"memory.kmem.failcnt", "0\n"},
        {"memory.kmem.max_usage_in_bytes", "0\n"},
        {"memory.kmem.slabinfo", ""},
        {"memory.kmem.tcp.limit_in_bytes", kUnlimited},
        {"memory.kmem.tcp.usage_in_bytes", "0\n"},
        {"memory.kmem.tcp.failcnt", "0\n"},
        {"memory.kmem.tcp.max_usage_in_bytes", "0\n"},
        {"memory.memsw.usage_in_bytes", "0\n"},
        {"memory.memsw.max_usage_in_bytes", "0\n"},
        {"memory.memsw.limit_in_bytes", kUnlimited},
        {"memory.memsw.failcnt", "0\n"},
    };
    for (const auto& [name, contents] : expected) {
        INFO(name);
        CHECK(machine.read(group, name) == contents);
    }
}

TEST_CASE("v1: modes that do not follow from the functions", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    CHECK(machine.mode(machine.top, "cgroup.event_control") == "0222");
    CHECK(machine.mode(machine.top, "memory.pressure_level") == "0000");
    CHECK(machine.mode(machine.top, "memory.force_empty") == "0200");
    CHECK(machine.mode(machine.top, "memory.usage_in_bytes") == "0444");
    CHECK(machine.mode(machine.top, "memory.limit_in_bytes") == "0644");
}

TEST_CASE("v1: limits take page values and -1", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const auto* file : {"memory.limit_in_bytes", "memory.soft_limit_in_bytes",
                             "memory.kmem.tcp.limit_in_bytes"}) {
        check_writes(machine, group, file,
                     {
                         {"4096", "ok", "4096\n"},
                         {"8191\n", "ok", "4096\n"},
                         {"\n", "ok", "0\n"},
                         {"1G", "ok", "1073741824\n"},
                         {"max", "EINVAL", "1073741824\n"},
                         {"-2", "EINVAL", "1073741824\n"},
                         {"1KB", "EINVAL", "1073741824\n"},
                         {"16E", "ok", "0\n"},
                         {"4096\0junk"s, "ok", "4096\n"},
                         {"-1", "ok", kUnlimited},
                         {"8E", "ok", kUnlimited},
                     });
    }
}

TEST_CASE("v1: memsw is never below the limit", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK(machine.write(group, "memory.memsw.limit_in_bytes", "1G") == "EINVAL");
    CHECK(machine.write(group, "memory.limit_in_bytes", "1G") == kOk);
    CHECK(machine.write(group, "memory.memsw.limit_in_bytes", "2G") == kOk);
    CHECK(machine.write(group, "memory.limit_in_bytes", "3G") == "EINVAL");
    CHECK(machine.read(group, "memory.limit_in_bytes") == "1073741824\n");
    CHECK(machine.read(group, "memory.memsw.limit_in_bytes") == "2147483648\n");
}

TEST_CASE("v1: the root has no limits but a soft one", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    for (const auto* file :
         {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.kmem.limit_in_bytes",
          "memory.kmem.tcp.limit_in_bytes", "memory.force_empty", "memory.oom_control"}) {
        INFO(file);
        CHECK(machine.write(machine.top, file, "1") == "EINVAL");
    }
    CHECK(machine.write(machine.top, "memory.soft_limit_in_bytes", "1M") == kOk);
    CHECK(machine.read(machine.top, "memory.soft_limit_in_bytes") == "1048576\n");
}

TEST_CASE("v1: kmem.limit_in_bytes is ignored from 6.1 on", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK(machine.write(group, "memory.kmem.limit_in_bytes", "1M") == kOk);
    CHECK(machine.write(group, "memory.kmem.limit_in_bytes", "1KB") == "EINVAL");
    CHECK(machine.read(group, "memory.kmem.limit_in_bytes") == kUnlimited);

    FsFixture older("5.10", Layout::kV1);
    const DirKey old_group = older.mkdir(older.top, "t");
    CHECK(older.write(old_group, "memory.kmem.limit_in_bytes", "1M") == kOk);
    CHECK(older.read(old_group, "memory.kmem.limit_in_bytes") == "1048576\n");
}

TEST_CASE("v1: swappiness", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    check_writes(machine, group, "memory.swappiness",
                 {
                     {"0", "ok", "0\n"},
                     {"200\n", "ok", "200\n"},
                     {"201", "EINVAL", "200\n"},
                     {"-1", "EINVAL", "200\n"},
                     {" 1", "EINVAL", "200\n"},
                     {"1 ", "EINVAL", "200\n"},
                     {"18446744073709551616", "ERANGE", "200\n"},
                     {"0x10", "ok", "16\n"},
                 });
    CHECK(machine.read(machine.mkdir(group, "child"), "memory.swappiness") == "16\n");
    CHECK(machine.write(machine.top, "memory.swappiness", "70") == kOk);
    CHECK(machine.read(machine.top, "memory.swappiness") == "70\n");

    FsFixture older("alinux2", Layout::kV1);
    const DirKey old_group = older.mkdir(older.top, "t");
    CHECK(older.write(old_group, "memory.swappiness", "101") == "EINVAL");
    CHECK(older.write(old_group, "memory.swappiness", "100") == kOk);
}

TEST_CASE("v1: use_hierarchy is fixed from 5.11 on", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    check_writes(machine, group, "memory.use_hierarchy",
                 {
                     {"1", "ok", "1\n"},
                     {"+1", "ok", "1\n"},
                     {"0x1", "ok", "1\n"},
                     {"1\n", "ok", "1\n"},
                     {"0", "EINVAL", "1\n"},
                     {"2", "EINVAL", "1\n"},
                     {"1 ", "EINVAL", "1\n"},
                     {"08", "EINVAL", "1\n"},
                     {"4294967297", "EINVAL", "1\n"},
                     {"18446744073709551616", "ERANGE", "1\n"},
                 });
}

TEST_CASE("v1: use_hierarchy before 5.11", "[interface]") {
    FsFixture machine("5.10", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.memcg(machine.top).use_hierarchy = false;
    machine.memcg(group).use_hierarchy = false;
    CHECK(machine.read(group, "memory.use_hierarchy") == "0\n");
    CHECK(machine.write(group, "memory.use_hierarchy", "2") == "EINVAL");
    CHECK(machine.write(group, "memory.use_hierarchy", "1") == kOk);
    CHECK(machine.read(group, "memory.use_hierarchy") == "1\n");
    const DirKey child = machine.mkdir(group, "child");
    CHECK(machine.write(group, "memory.use_hierarchy", "0") == "EBUSY");
    machine.memcg(child).use_hierarchy = true;
    CHECK(machine.write(child, "memory.use_hierarchy", "0") == "EINVAL");
    CHECK(machine.write(child, "memory.use_hierarchy", "1") == kOk);
}

TEST_CASE("v1: the files of old kernels", "[interface]") {
    using Names = std::set<std::string>;
    const auto names = [](FsFixture& machine, DirKey group) {
        const std::vector<std::string> all = machine.names(group);
        return Names(all.begin(), all.end());
    };
    const Names core{"cgroup.event_control", "cgroup.procs", "notify_on_release", "tasks"};
    Names first = core;
    for (const char* name :
         {"failcnt", "force_empty", "limit_in_bytes", "max_usage_in_bytes", "memsw.failcnt",
          "memsw.limit_in_bytes", "memsw.max_usage_in_bytes", "memsw.usage_in_bytes",
          "move_charge_at_immigrate", "soft_limit_in_bytes", "stat", "swappiness", "usage_in_bytes",
          "use_hierarchy"}) {
        first.insert("memory."s + name);
    }
    Names later = first;  // as the document of 3.10 lists them, but for a vendor's memory.meminfo
    later.insert("cgroup.clone_children");
    for (const char* name : {"kmem.failcnt", "kmem.limit_in_bytes", "kmem.max_usage_in_bytes",
                             "kmem.slabinfo", "kmem.tcp.failcnt", "kmem.tcp.limit_in_bytes",
                             "kmem.tcp.max_usage_in_bytes", "kmem.tcp.usage_in_bytes",
                             "kmem.usage_in_bytes", "numa_stat", "oom_control", "pressure_level"}) {
        later.insert("memory."s + name);
    }
    FsFixture oldest("2.6.33", Layout::kV1);
    CHECK(names(oldest, oldest.mkdir(oldest.top, "t")) == first);
    first.insert("release_agent");
    CHECK(names(oldest, oldest.top) == first);
    CHECK(oldest.mode(oldest.top, "cgroup.procs") == "0444");

    FsFixture old("3.10", Layout::kV1);
    CHECK(names(old, old.mkdir(old.top, "t")) == later);
    later.insert({"release_agent", "cgroup.sane_behavior"});
    CHECK(names(old, old.top) == later);
    CHECK(old.mode(old.top, "cgroup.procs") == "0644");
    CHECK(old.read(old.top, "memory.oom_control") == "oom_kill_disable 0\nunder_oom 0\n");
}

TEST_CASE("v1: limits were bytes up to 3.18", "[interface]") {
    const std::string unlimited = "9223372036854775807\n";
    FsFixture machine("3.10", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK(machine.read(group, "memory.memsw.limit_in_bytes") == unlimited);
    for (const auto* file : {"memory.limit_in_bytes", "memory.soft_limit_in_bytes"}) {
        check_writes(machine, group, file,
                     {
                         {"4096", "ok", "4096\n"},
                         {"4097\n", "ok", "8192\n"},
                         {"1", "ok", "4096\n"},
                         {"0", "ok", "0\n"},
                         {"-1", "ok", unlimited},
                     });
    }
    const std::string stat = machine.read(group, "memory.stat");
    CHECK(stat.find("hierarchical_memory_limit " + unlimited) != std::string::npos);
}

TEST_CASE("v1: up to 3.15 a hierarchy guards its settings", "[interface]") {
    FsFixture machine("3.10", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const auto write = [&](DirKey where, const char* name, const char* value) {
        return machine.write(where, "memory."s + name, value);
    };
    CHECK(write(machine.top, "swappiness", "10") == "EINVAL");
    CHECK(write(group, "swappiness", "10") == kOk);
    CHECK(write(group, "oom_control", "1") == kOk);
    CHECK(machine.read(group, "memory.use_hierarchy") == "0\n");

    const DirKey lone = machine.mkdir(group, "lone");
    CHECK(machine.read(lone, "memory.swappiness") == "10\n");  // taken over all the same
    CHECK(write(group, "swappiness", "20") == kOk);
    CHECK(write(lone, "swappiness", "30") == kOk);
    CHECK(write(group, "force_empty", "0") == "EBUSY");
    CHECK(write(lone, "force_empty", "0") == kOk);

    machine.tasks.add(10);
    REQUIRE(machine.write(lone, "cgroup.procs", "10") == kOk);
    const auto tag = machine.engine.css_set_of(machine.engine.find_task_by_pid(10)->groups);
    REQUIRE(machine.write(machine.top, "cgroup.procs", "10") == kOk);
    CHECK(write(lone, "force_empty", "0") == kOk);
    machine.tasks.add(11).css_set = tag;  // a fork that nobody has told of
    CHECK(write(lone, "force_empty", "0") == "EBUSY");

    const DirKey top = machine.mkdir(machine.top, "top");
    CHECK(write(top, "use_hierarchy", "1") == kOk);
    const DirKey below = machine.mkdir(top, "below");
    CHECK(machine.read(below, "memory.use_hierarchy") == "1\n");
    CHECK(write(top, "swappiness", "20") == "EINVAL");
    CHECK(write(top, "oom_control", "1") == "EINVAL");
    CHECK(write(below, "swappiness", "20") == "EINVAL");
    CHECK(write(below, "oom_control", "1") == "EINVAL");
}

TEST_CASE("v1: move_charge_at_immigrate and its high bits", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    check_writes(machine, group, "memory.move_charge_at_immigrate",
                 {
                     {"1", "ok", "1\n"},
                     {"2", "ok", "2\n"},
                     {"3", "ok", "3\n"},
                     {"4", "EINVAL", "3\n"},
                     {"255", "EINVAL", "3\n"},
                     {"4294967295", "EINVAL", "3\n"},
                     {"4294967296", "ok", "4294967296\n"},
                     {"9223372036854775807", "EINVAL", "4294967296\n"},
                     {"9223372036854775808", "ok", "9223372036854775808\n"},
                     {"18446744073709551616", "ERANGE", "9223372036854775808\n"},
                 });
    CHECK(machine.read(machine.mkdir(group, "child"), "memory.move_charge_at_immigrate") == "0\n");
}

TEST_CASE("v1: oom_control", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const std::string off = "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n";
    const std::string on = "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n";
    check_writes(machine, group, "memory.oom_control",
                 {{"1", "ok", on}, {"2", "EINVAL", on}, {"x", "EINVAL", on}, {"1\n", "ok", on}});
    CHECK(machine.read(machine.mkdir(group, "child"), "memory.oom_control") == on);
    CHECK(machine.write(group, "memory.oom_control", "0") == kOk);
    CHECK(machine.read(group, "memory.oom_control") == off);
}

TEST_CASE("v1: usage, peaks and failures of a group in use", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const auto task = machine.add_task(machine.group(group));
    CHECK(machine.write(group, "memory.limit_in_bytes", "1M") == kOk);
    REQUIRE(machine.anon(task, 128).ok());
    CHECK(machine.read(group, "memory.usage_in_bytes") == "524288\n");
    REQUIRE(machine.engine.find(task)->regions.size() == 1);
    machine.engine.unmap_mapping(task, machine.engine.find(task)->regions[0], false);
    CHECK(machine.read(group, "memory.max_usage_in_bytes") == "524288\n");

    CHECK(machine.write(group, "memory.max_usage_in_bytes", "anything") == kOk);
    CHECK(machine.read(group, "memory.max_usage_in_bytes") ==
          machine.read(group, "memory.usage_in_bytes"));

    CHECK(machine.anon(task, 512).ok() == false);
    CHECK(machine.read(group, "memory.failcnt") != "0\n");
    CHECK(machine.write(group, "memory.failcnt", "0") == kOk);
    CHECK(machine.read(group, "memory.failcnt") == "0\n");
    CHECK(machine.read(group, "memory.oom_control") ==
          "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
}

TEST_CASE("v1: a limit below the usage is refused when nothing can be reclaimed", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.tasks.add(10);
    REQUIRE(machine.write(group, "cgroup.procs", "10") == kOk);
    const engine::TaskId task = machine.engine.find_task_by_pid(10)->id;
    REQUIRE(machine.anon(task, 128).ok());
    CHECK(machine.write(group, "memory.limit_in_bytes", "8K") == "EBUSY");
    CHECK(machine.read(group, "memory.limit_in_bytes") == kUnlimited);
    CHECK(machine.write(group, "memory.force_empty", "0") == kOk);
    CHECK(machine.read(group, "memory.usage_in_bytes") == "524288\n");
}

/// Counts its ticks where the test can see them.
class FakeEventFd final : public world::EventFd {
public:
    struct Log {
        int ticks = 0;
        bool held = true;
    };
    explicit FakeEventFd(std::shared_ptr<Log> log) : log_(std::move(log)) {}
    void signal() override { log_->ticks++; }
    bool held() override { return log_->held; }

private:
    std::shared_ptr<Log> log_;
};

/// A machine whose event_control takes over made-up eventfds of any number but 99.
struct EventMachine {
    EventMachine() {
        hooks.open_event = [this](DirKey, const EventRequest& request,
                                  const vfs::Credentials&) -> Result<EventDescriptors> {
            if (request.event_fd == 99) {
                return Err(Errno::kEBADF);
            }
            const auto log = std::make_shared<FakeEventFd::Log>();
            logs.push_back(log);
            return EventDescriptors{.eventfd = std::make_shared<FakeEventFd>(log),
                                    .control_file = control_file};
        };
        machine.emplace("6.1", Layout::kV1, hooks);
    }
    /// Hands on what the engine has recorded since the last time.
    void deliver() {
        for (const auto& effect : machine->sink.tick_effects) {
            machine->fs.tick(effect);
        }
        machine->sink.tick_effects.clear();
    }
    Hooks hooks;
    std::string_view control_file = "memory.usage_in_bytes";
    std::vector<std::shared_ptr<FakeEventFd::Log>> logs;
    std::optional<FsFixture> machine;
};

TEST_CASE("v1: event_control checks its text, the descriptors, the arguments", "[interface]") {
    EventMachine events;
    FsFixture& machine = *events.machine;
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK(machine.write(group, "cgroup.event_control", "x") == "EINVAL");
    CHECK(machine.write(group, "cgroup.event_control", "99 98") == "EBADF");
    CHECK(events.logs.empty());
    CHECK(machine.write(group, "cgroup.event_control", "5 6 5x") == "EINVAL");
    CHECK(machine.write(group, "cgroup.event_control", "5 6 1M\n") == kOk);
    events.control_file = "memory.pressure_level";
    CHECK(machine.write(group, "cgroup.event_control", "5 6 1M") == "EINVAL");
    CHECK(machine.write(group, "cgroup.event_control", "5 6 low,local") == kOk);
    FsFixture deaf("6.1", Layout::kV1);
    CHECK(deaf.write(deaf.top, "cgroup.event_control", "5 6 1M") == "EOPNOTSUPP");
}

TEST_CASE("v1: a registered eventfd ticks, the last time at rmdir", "[interface]") {
    EventMachine events;
    FsFixture& machine = *events.machine;
    const DirKey group = machine.mkdir(machine.top, "t");
    REQUIRE(machine.write(group, "cgroup.event_control", "5 6 1M") == kOk);
    const engine::TaskId task = machine.add_task(machine.group(group));
    REQUIRE(machine.anon(task, 1024).ok());
    events.deliver();
    CHECK(events.logs[0]->ticks == 1);
    machine.engine.exit_task(task);
    events.deliver();
    CHECK(events.logs[0]->ticks == 2);
    REQUIRE(machine.rmdir(group).ok());
    machine.run_spawned();
    events.deliver();
    CHECK(events.logs[0]->ticks == 3);
    CHECK(events.logs[0].use_count() == 1);  // the eventfd is closed
}

TEST_CASE("v1: eventfds that nobody has open are given up at a later registration", "[interface]") {
    EventMachine events;
    FsFixture& machine = *events.machine;
    const DirKey group = machine.mkdir(machine.top, "t");
    for (int i = 0; i < 64; i++) {
        REQUIRE(machine.write(group, "cgroup.event_control", "5 6 1M") == kOk);
    }
    events.logs[3]->held = false;
    events.logs[40]->held = false;
    REQUIRE(machine.write(group, "cgroup.event_control", "5 6 1M") == kOk);
    CHECK(events.logs[3].use_count() == 1);
    CHECK(events.logs[40].use_count() == 1);
    CHECK(events.logs[4].use_count() == 2);
    CHECK(machine.memcg(group).notify.registrations.size() == 63);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::interface
