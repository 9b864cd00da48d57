// SPDX-License-Identifier: MIT
//
// memory.pressure_level (engine.md 8.3).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

EventId listen(EngineFixture& machine, Cgroup& group, PressureLevel level,
               PressureMode mode = PressureMode::kDefault) {
    return machine.engine.register_event(*group.memcg, PressureEvent{level, mode});
}

/// A stream through a full group: everything scanned is freed.
void stream(EngineFixture& machine, Cgroup& group) {
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping({}, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, mib(60).count()).ok());
    machine.run_spawned();
}

void limit(EngineFixture& machine, Cgroup& group, Pages max) {
    REQUIRE(machine.run(machine.engine.set_limit(*group.memcg, CounterKind::kMemory, max)).ok());
}

TEST_CASE("the level follows from scanned and reclaimed (G7)", "[engine][notify]") {
    const auto level = [](std::uint64_t reclaimed) {
        return pressure_level(Pages{512}, Pages{reclaimed});
    };
    CHECK(level(512) == PressureLevel::kLow);
    CHECK(level(600) == PressureLevel::kLow);  // slab and huge pages
    CHECK(level(205) == PressureLevel::kLow);  // 59
    CHECK(level(204) == PressureLevel::kMedium);
    CHECK(level(100) == PressureLevel::kMedium);
    CHECK(level(26) == PressureLevel::kMedium);  // 94
    CHECK(level(25) == PressureLevel::kCritical);
    CHECK(level(0) == PressureLevel::kCritical);
}

TEST_CASE("reclaim that frees all it scans is low pressure", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    limit(machine, group, mib(20));
    const EventId low = listen(machine, group, PressureLevel::kLow);
    const EventId medium = listen(machine, group, PressureLevel::kMedium);
    stream(machine, group);
    // The worker had its turn once, at the end.
    CHECK(machine.sink.ticks[low] == 1);
    CHECK(machine.sink.ticks[medium] == 0);
}

TEST_CASE("an OOM is preceded by critical pressure, which all levels hear", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    limit(machine, group, mib(20));
    const EventId low = listen(machine, group, PressureLevel::kLow);
    const EventId medium = listen(machine, group, PressureLevel::kMedium);
    const EventId critical = listen(machine, group, PressureLevel::kCritical);
    CHECK_FALSE(machine.anon(machine.add_task(group), mib(30).count()).ok());
    CHECK(machine.sink.ticks.empty());
    machine.run_spawned();
    for (const EventId id : {low, medium, critical}) {
        CHECK(machine.sink.ticks[id] == 1);
    }
}

TEST_CASE("critical pressure is heard however late the worker comes", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    limit(machine, group, mib(20));
    const EventId medium = listen(machine, group, PressureLevel::kMedium);
    const EventId critical = listen(machine, group, PressureLevel::kCritical);
    const TaskId task = machine.add_task(group);
    CHECK_FALSE(machine.anon(task, mib(30).count()).ok());
    const MappingId file = machine.engine.create_mapping({}, PageKind::kFile);
    REQUIRE(machine.read_file(machine.add_task(group), file, mib(400).count()).ok());
    machine.run_spawned();
    CHECK(machine.sink.ticks[medium] == 1);
    CHECK(machine.sink.ticks[critical] == 1);
}

TEST_CASE("modes: default hears what nobody below heard, local only its own", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    limit(machine, child, mib(20));
    const EventId by_default = listen(machine, parent, PressureLevel::kLow);
    const EventId hierarchy =
        listen(machine, parent, PressureLevel::kLow, PressureMode::kHierarchy);
    const EventId local = listen(machine, parent, PressureLevel::kLow, PressureMode::kLocal);
    const EventId of_root = listen(machine, machine.root(), PressureLevel::kLow);
    auto& ticks = machine.sink.ticks;

    stream(machine, child);
    CHECK(ticks[by_default] == 1);  // nobody in the child
    CHECK(ticks[hierarchy] == 1);
    CHECK(ticks[local] == 0);
    CHECK(ticks[of_root] == 0);  // the parent has been told

    const EventId below = listen(machine, child, PressureLevel::kLow, PressureMode::kLocal);
    stream(machine, child);
    CHECK(ticks[below] == 1);
    CHECK(ticks[by_default] == 1);
    CHECK(ticks[hierarchy] == 2);
    CHECK(ticks[of_root] == 0);

    limit(machine, parent, mib(20));
    machine.run_spawned();
    ticks.clear();
    stream(machine, parent);
    CHECK(ticks[below] == 0);
    CHECK(ticks[local] == 1);
}

TEST_CASE("a listener that wants more does not keep its parent from hearing", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    limit(machine, child, mib(20));
    const EventId critical = listen(machine, child, PressureLevel::kCritical);
    const EventId low = listen(machine, parent, PressureLevel::kLow);
    stream(machine, child);
    CHECK(machine.sink.ticks[critical] == 0);
    CHECK(machine.sink.ticks[low] == 1);
}

TEST_CASE("memory.reclaim is no pressure", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const EventId low = listen(machine, group, PressureLevel::kLow);
    stream(machine, group);
    REQUIRE(machine.run(machine.engine.reclaim_pages(*group.memcg, mib(40), {})).ok());
    machine.run_spawned();
    CHECK(machine.sink.ticks[low] == 0);
    REQUIRE(machine.run(machine.engine.force_empty(*group.memcg)).ok());
    machine.run_spawned();
    CHECK(machine.sink.ticks[low] > 0);
}

/// Counts the (512, 0) samples.
class Samples final : public Observer {
public:
    void on_event(const TraceEvent& event) override {
        if (event.kind == TraceEvent::Kind::kPressure) {
            critical += event.a == 512 && event.b == 0 ? 1 : 0;
            others += event.a == 512 && event.b == 0 ? 0 : 1;
        } else if (event.kind == TraceEvent::Kind::kOomKill) {
            at_kill = critical;
        }
    }
    int critical = 0;
    int others = 0;
    int at_kill = 0;
};

TEST_CASE("pressure samples before an OOM kill (G1)", "[engine][notify]") {
    struct Vector {
        const char* profile;
        int samples;
    };
    const auto vector = GENERATE(Vector{"6.1", 72}, Vector{"6.12", 144});
    INFO(vector.profile);
    Samples samples;
    EngineFixture machine(vector.profile, Layout::kV1, test::roomy_machine(), {}, &samples);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    limit(machine, group, mib(50));
    CHECK_FALSE(machine.anon(machine.add_task(group), 13056).ok());
    CHECK(samples.at_kill == vector.samples);
    CHECK(samples.others == 0);
    CHECK(group.memcg->memory.failcnt() == 36);
}

}  // namespace
}  // namespace memcgfs::engine
