// SPDX-License-Identifier: MIT
//
// Dirty pages: counted, written in time, waited for (spec engine.md 3.6, 3.9).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

struct Writer {
    explicit Writer(const char* profile = "6.12", Layout layout = Layout::kV2, Machine shape = {})
        : machine(profile, layout, shape),
          group(machine.make_memory(machine.root(), "g")),
          task(machine.add_task(group)),
          file(machine.engine.create_mapping(task, PageKind::kFile)) {}
    OperationResult write(std::uint64_t pages, std::uint64_t first = 0) {
        return machine.run(machine.engine.file_io(task, file, {first, pages}, Access::kWrite));
    }
    OperationResult read(std::uint64_t pages) { return machine.read_file(task, file, pages); }
    std::int64_t stat(StatItem item) const { return group.memcg->stat(item); }
    std::int64_t dirty() const { return stat(StatItem::kFileDirty); }
    std::int64_t writeback() const { return stat(StatItem::kFileWriteback); }
    void check() const { machine.engine.check_invariants(); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    MappingId file;
};

enum class Filling : std::uint8_t { kWriting, kMapped, kMappedThenWriting };

TEST_CASE("dirty pages at the limit slow the writer down and kill nobody", "[engine][writeback]") {
    const auto* profile = GENERATE("6.1", "6.12");
    const Filling filling =
        GENERATE(Filling::kWriting, Filling::kMapped, Filling::kMappedThenWriting);
    const std::uint64_t max = GENERATE(256U, 4096U);
    Machine shape;
    shape.costs.writeback = GENERATE(from_micros(2), from_millis(5));
    Writer writer(profile, Layout::kV2, shape);
    Engine& engine = writer.machine.engine;
    REQUIRE(writer.machine.run(engine.set_memory_max(*writer.group.memcg, Pages{max})).ok());
    if (filling == Filling::kWriting) {
        CHECK(writer.write(3 * max).ok());
    } else {
        const std::uint64_t pages = filling == Filling::kMapped ? 3 * max : max;
        CHECK(writer.machine.run(engine.touch(writer.task, writer.file, {0, pages}, Access::kWrite))
                  .ok());
    }
    if (filling == Filling::kMappedThenWriting) {
        writer.file = engine.create_mapping(writer.task, PageKind::kFile);
        CHECK(writer.write(max).ok());
    }
    CHECK(writer.machine.sink.killed.empty());
    CHECK(writer.group.memcg->memory.usage() <= Pages{max});
    writer.check();
}

TEST_CASE("written pages are dirty until half a minute has passed", "[engine][writeback]") {
    Writer writer;
    REQUIRE(writer.write(1000).ok());
    CHECK(writer.dirty() == 1000);
    CHECK(writer.writeback() == 0);
    CHECK(writer.stat(StatItem::kInactiveFile) == 1000);
    REQUIRE(writer.machine.sink.spawned.size() == 1);
    Operation& flusher = *writer.machine.sink.spawned.front();
    ManualClock& clock = writer.machine.clock;
    const Nanos begin = clock.now();
    while (writer.writeback() == 0) {
        const Step step = flusher.step();
        if (writer.writeback() > 0) {
            CHECK(step.kind == Step::Kind::kDone);  // nothing is dirty any more
            break;
        }
        REQUIRE(step.kind == Step::Kind::kSleep);
        REQUIRE(step.until - clock.now() == from_millis(5'000));
        clock.advance_to(step.until);
        REQUIRE(clock.now() - begin < from_millis(60'000));
    }
    // Woken every five seconds from the first dirty page on, it comes by at the thirtieth.
    CHECK(clock.now() - begin >= from_millis(29'990));
    CHECK(clock.now() - begin <= from_millis(35'000));
    writer.machine.sink.spawned.pop_front();
    CHECK(writer.dirty() == 0);
    CHECK(writer.writeback() == 1000);
    writer.check();
    writer.machine.run_spawned();
    CHECK(writer.writeback() == 0);
    CHECK(writer.stat(StatItem::kFile) == 1000);
    writer.check();
}

TEST_CASE("fsync takes the disk's time", "[engine][writeback]") {
    Machine shape;
    shape.costs.writeback = from_micros(10);
    Writer writer("6.12", Layout::kV2, shape);
    REQUIRE(writer.write(1000).ok());
    const Nanos before = writer.machine.clock.now();
    const OperationResult result =
        writer.machine.run(writer.machine.engine.sync_mapping(writer.file));
    CHECK(*result == 1000);
    CHECK(writer.machine.clock.now() - before >= from_millis(9));
    CHECK(writer.machine.clock.now() - before <= from_millis(12));
    CHECK(writer.dirty() == 0);
    CHECK(writer.writeback() == 0);
    CHECK(*writer.machine.run(writer.machine.engine.sync_mapping(writer.file)) == 0);
    writer.check();
}

TEST_CASE("sync writes every file, and waits for what was under way", "[engine][writeback]") {
    Machine shape;
    shape.costs.writeback = from_micros(10);
    Writer writer("6.1", Layout::kV1, shape);
    Engine& engine = writer.machine.engine;
    REQUIRE(writer.write(1000).ok());
    const MappingId other = engine.create_mapping({}, PageKind::kFile);
    REQUIRE(writer.machine.run(engine.file_io(writer.task, other, {0, 500}, Access::kWrite)).ok());
    CHECK(writer.dirty() == 1500);
    const Nanos before = writer.machine.clock.now();
    CHECK(*writer.machine.run(engine.sync_files()) == 1500);
    CHECK(writer.machine.clock.now() - before >= from_millis(14));
    CHECK(writer.dirty() == 0);
    CHECK(writer.writeback() == 0);
    CHECK(*writer.machine.run(engine.sync_files()) == 0);
    CHECK(writer.machine.run(engine.drop_caches({.pages = true})).value() == 1500);
    writer.check();
}

TEST_CASE("a mapped file's pages become dirty by a fault", "[engine][writeback]") {
    Writer writer;
    Engine& engine = writer.machine.engine;
    REQUIRE(writer.read(64).ok());
    engine.map_mapping(writer.task, writer.file);
    const auto touch = [&](Access access) {
        REQUIRE(writer.machine.run(engine.touch(writer.task, writer.file, {0, 64}, access)).ok());
        return writer.stat(StatItem::kPgfault);
    };
    CHECK(touch(Access::kRead) == 64);
    CHECK(writer.dirty() == 0);
    CHECK(touch(Access::kWrite) == 128);  // write-protected until dirty
    CHECK(writer.dirty() == 64);
    CHECK(touch(Access::kWrite) == 128);
    REQUIRE(writer.machine.run(engine.sync_mapping(writer.file)).ok());
    CHECK(touch(Access::kWrite) == 192);  // and again once written
    writer.check();
}

TEST_CASE("reclaim leaves dirty pages to the flusher", "[engine][writeback][reclaim]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Writer writer(profile);
    REQUIRE(writer.write(2048).ok());
    // The first pages looked at are dirty: activated, and everything is sent to the disk; some of
    // it gets there while reclaim is still at it.
    const OperationResult result = writer.machine.run(
        writer.machine.engine.reclaim_pages(*writer.group.memcg, Pages{1024}, {}));
    CHECK(result.ok());
    CHECK(writer.dirty() == 0);
    CHECK(writer.stat(StatItem::kPgactivate) > 0);
    CHECK(writer.stat(StatItem::kFile) <= 1024);
    writer.check();
    writer.machine.run_spawned();
    CHECK(writer.writeback() == 0);
    // Written pages that reclaim has met wait at the tail of the inactive list.
    CHECK(writer.stat(StatItem::kActiveFile) == 0);
    writer.check();
}

TEST_CASE("v1 limit reclaim waits for the disk", "[engine][writeback][reclaim]") {
    Machine shape;
    shape.costs.writeback = from_micros(100);
    Writer writer("6.1", Layout::kV1, shape);
    REQUIRE(
        writer.machine
            .run(writer.machine.engine.set_limit(*writer.group.memcg, CounterKind::kMemory, mib(8)))
            .ok());
    const Nanos before = writer.machine.clock.now();
    REQUIRE(writer.write(4096).ok());
    // At least what did not fit has been written, 2048 pages of 100 us.
    CHECK(writer.machine.clock.now() - before >= from_millis(200));
    CHECK(writer.machine.sink.killed.empty());
    CHECK(writer.group.memcg->memory.usage() <= mib(8));
    writer.check();
}

TEST_CASE("a v2 writer is held to its share of dirty memory", "[engine][writeback]") {
    Machine shape;
    shape.costs.writeback = from_micros(20);
    Writer writer("6.12", Layout::kV2, shape);
    REQUIRE(writer.machine.run(writer.machine.engine.set_memory_max(*writer.group.memcg, mib(64)))
                .ok());
    const Nanos before = writer.machine.clock.now();
    REQUIRE(writer.write(32768).ok());
    // 15 % of the group's 16384 pages may wait to be written; the others have been.
    CHECK(writer.dirty() + writer.writeback() <= 2458);
    CHECK(writer.machine.clock.now() - before >= from_micros(20 * (32768 - 2458)));
    CHECK(writer.machine.sink.killed.empty());
    CHECK(writer.group.memcg->event(MemcgEvent::kOom) == 0);
    writer.check();
}

TEST_CASE("POSIX_FADV_DONTNEED drops what is clean and starts writing the rest",
          "[engine][writeback]") {
    Writer writer;
    Engine& engine = writer.machine.engine;
    REQUIRE(writer.read(100).ok());
    REQUIRE(writer.write(50).ok());
    CHECK(engine.drop_mapping(writer.file) == 50);
    CHECK(writer.dirty() == 0);
    CHECK(writer.writeback() == 50);
    writer.machine.run_spawned();
    CHECK(engine.drop_mapping(writer.file) == 50);
    CHECK(writer.stat(StatItem::kFile) == 0);
    writer.check();
}

TEST_CASE("drop_caches drops what is clean and starts no writing", "[engine][writeback]") {
    Writer writer;
    EngineFixture& machine = writer.machine;
    REQUIRE(writer.read(100).ok());
    REQUIRE(writer.write(50).ok());
    CHECK(machine.run(machine.engine.drop_caches({.dentries = true})).value() == 0);
    CHECK(machine.run(machine.engine.drop_caches({.pages = true})).value() == 50);
    CHECK(writer.dirty() == 50);
    CHECK(writer.writeback() == 0);
    REQUIRE(machine.run(machine.engine.sync_mapping(writer.file)).ok());
    CHECK(machine.run(machine.engine.drop_caches({.pages = true})).value() == 50);
    CHECK(writer.stat(StatItem::kFile) == 0);
    writer.check();
}

TEST_CASE("drop_caches leaves mapped, shared and anonymous memory alone", "[engine][writeback]") {
    EngineFixture machine("6.12", Layout::kV2);
    const TaskId task = machine.add_task(machine.root());
    const MappingId mapped = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.run(machine.engine.touch(task, mapped, {0, 10}, Access::kRead)).ok());
    const MappingId shmem = machine.engine.create_mapping(task, PageKind::kShmem);
    REQUIRE(machine.run(machine.engine.touch(task, shmem, {0, 20}, Access::kWrite)).ok());
    REQUIRE(machine.anon(task, 30).ok());
    for (int file = 0; file < 3; file++) {
        const MappingId cache = machine.engine.create_mapping(task, PageKind::kFile);
        REQUIRE(machine.read_file(task, cache, 100).ok());
    }
    CHECK(machine.run(machine.engine.drop_caches({.pages = true, .dentries = true})).value() ==
          300);
    const MachineStat stat = machine.engine.machine_stat();
    CHECK(stat.item(StatItem::kFile) == 30);
    CHECK(stat.item(StatItem::kAnon) == 30);
    machine.engine.check_invariants();
}

TEST_CASE("an interrupted drop_caches ends without an error", "[engine][writeback]") {
    EngineFixture machine("6.12", Layout::kV2);
    const auto operation = machine.engine.drop_caches({.pages = true});
    operation->interrupt();
    Step step;
    do {
        step = operation->step();
    } while (step.kind == Step::Kind::kYield);
    CHECK(operation->result().ok());
}

TEST_CASE("truncation forgets what was dirty", "[engine][writeback]") {
    Writer writer;
    REQUIRE(writer.write(100).ok());
    SECTION("dirty") {}
    SECTION("being written") { CHECK(writer.machine.engine.drop_mapping(writer.file) == 0); }
    writer.machine.engine.destroy_mapping(writer.file);
    CHECK(writer.dirty() == 0);
    CHECK(writer.writeback() == 0);
    writer.check();
    writer.machine.run_spawned();
    writer.check();
}

}  // namespace
}  // namespace memcgfs::engine
