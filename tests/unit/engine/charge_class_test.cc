// SPDX-License-Identifier: MIT
//
// What each class of charge does at the limit, with kernel memory; and what becomes of it when its
// group is removed.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// A group at its limit of 16 MiB with anonymous memory that cannot go.
struct Full {
    explicit Full(const char* profile = "6.1", Layout layout = Layout::kV2)
        : machine(profile, layout) {
        machine.limit(group, mib(16));
        REQUIRE(machine.anon(spared, mib(16).count()).ok());
        REQUIRE(memcg.memory.usage() == mib(16));
    }
    OperationResult allocate(ChargeClass klass, Pages pages = Pages{1}) {
        return machine.run(machine.engine.allocate_kernel_memory(spared, pages, klass));
    }
    EngineFixture machine;
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    TaskId spared = machine.add_task(group, -1000);
};

TEST_CASE("what each class may do at the limit", "[engine][charge]") {
    struct Vector {
        ChargeClass klass;
        bool succeeds;
        std::uint64_t max;      ///< events
        std::uint64_t failcnt;  ///< of the memory counter: batch and exact amount are two
        std::uint64_t oom;
    };
    const Vector vector = GENERATE(
        Vector{ChargeClass::kNoWait, false, 0, 2, 0}, Vector{ChargeClass::kAtomic, true, 1, 2, 0},
        Vector{ChargeClass::kReclaimer, true, 1, 2, 0},
        Vector{ChargeClass::kNoRetry, false, 2, 3, 0},
        Vector{ChargeClass::kMayFail, false, 18, 19, 0},
        Vector{ChargeClass::kUser, false, 18, 19, 1},
        Vector{ChargeClass::kNoFail, true, 18, 19, 1});
    Full full;
    const OperationResult result = full.allocate(vector.klass);
    CHECK(result.ok() == vector.succeeds);
    CHECK((result.ok() || result.error() == Errno::kENOMEM));
    CHECK(full.memcg.event(MemcgEvent::kMax) == vector.max);
    CHECK(full.memcg.memory.failcnt() == vector.failcnt);
    CHECK(full.memcg.event(MemcgEvent::kOom) == vector.oom);
    CHECK(full.memcg.memory.usage() == mib(16) + Pages{vector.succeeds ? 1U : 0U});
    CHECK(full.memcg.stat(StatItem::kKernel) == (vector.succeeds ? 1 : 0));
    full.machine.engine.check_invariants();
}

TEST_CASE("more than eight pages never kill", "[engine][charge]") {
    Full full;
    CHECK(full.allocate(ChargeClass::kUser, Pages{9}).error() == Errno::kENOMEM);
    CHECK(full.memcg.event(MemcgEvent::kOom) == 0);
    CHECK(full.memcg.event(MemcgEvent::kMax) == 18);
    CHECK(full.allocate(ChargeClass::kUser, Pages{8}).error() == Errno::kENOMEM);
    CHECK(full.memcg.event(MemcgEvent::kOom) == 1);
}

TEST_CASE("up to 5.15 a charge without a victim is forced", "[engine][charge]") {
    Full full("5.10");
    CHECK(full.allocate(ChargeClass::kUser).ok());
    CHECK(full.memcg.event(MemcgEvent::kOom) == 1);
    CHECK(full.memcg.memory.usage() == mib(16) + Pages{1});
}

TEST_CASE("4.19 tries five times before it kills", "[engine][charge]") {
    EngineFixture machine("alinux2", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    machine.limit(group, mib(16));
    REQUIRE_FALSE(machine.anon(machine.add_task(group), mib(17).count()).ok());
    CHECK(group.memcg->event(MemcgEvent::kMax) == 7);
}

TEST_CASE("freed kernel memory stays in the CPU's stock", "[engine][charge]") {
    const auto layout = GENERATE(Layout::kV1, Layout::kV2);
    EngineFixture machine("6.1", layout);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    const auto object =
        machine.run(machine.engine.allocate_kernel_memory(task, Pages{64}, ChargeClass::kUser));
    REQUIRE(object.ok());
    CHECK(group.memcg->memory.usage() == Pages{64});
    CHECK(group.memcg->kmem().usage() == (layout == Layout::kV1 ? Pages{64} : Pages{0}));
    machine.engine.free_kernel_memory(KernelObjectId{*object});
    CHECK(group.memcg->stat(StatItem::kKernel) == 0);
    CHECK(group.memcg->kmem().usage() == Pages{0});
    CHECK(group.memcg->memory.usage() == Pages{64});
    machine.engine.free_kernel_memory(KernelObjectId{*object});  // is gone
    machine.engine.check_invariants();
}

TEST_CASE("kernel memory of a removed group is its parent's", "[engine][rmdir]") {
    const auto layout = GENERATE(Layout::kV1, Layout::kV2);
    EngineFixture machine("6.1", layout);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    const TaskId task = machine.add_task(child);
    const auto object =
        machine.run(machine.engine.allocate_kernel_memory(task, Pages{64}, ChargeClass::kUser));
    REQUIRE(object.ok());
    machine.engine.exit_task(task);
    REQUIRE(machine.engine.remove_cgroup(child.id).ok());
    CHECK(parent.dying_descendants == 0);
    CHECK(parent.memcg->memory.usage() == Pages{64});
    CHECK(parent.memcg->stat(StatItem::kKernel) == 64);
    machine.engine.check_invariants();
    machine.engine.free_kernel_memory(KernelObjectId{*object});
    REQUIRE(machine.run(machine.engine.set_memory_max(*parent.memcg, Pages{0})).ok());
    CHECK(parent.memcg->memory.usage() == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("socket memory counts apart from the kernel's, in v1 from all memory") {
    const auto layout = GENERATE(Layout::kV1, Layout::kV2);
    const bool is_v1 = layout == Layout::kV1;
    EngineFixture machine("6.1", layout);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    const auto object = machine.run(machine.engine.allocate_kernel_memory(
        *child.memcg, Pages{64}, ChargeClass::kAtomic, KernelMemory::kSocket));
    REQUIRE(object.ok());
    const auto check = [&](const Cgroup& owner) {
        CHECK(owner.memcg->stat(StatItem::kKernel) == 0);
        CHECK(owner.memcg->stat(StatItem::kSock) == (is_v1 ? 0 : 64));
        CHECK(parent.memcg->stat_total(StatItem::kSock) == (is_v1 ? 0 : 64));
        CHECK(parent.memcg->tcpmem().usage() == Pages{is_v1 ? 64U : 0U});
        CHECK(parent.memcg->kmem().usage() == Pages{0});
        CHECK(parent.memcg->memory.usage() == Pages{is_v1 ? 0U : 64U});
        machine.engine.check_invariants();
    };
    check(child);
    REQUIRE(machine.engine.remove_cgroup(child.id).ok());
    check(parent);
    REQUIRE(machine.engine.remove_cgroup(parent.id).ok());
    Memcg& root = machine.engine.root_memcg();
    CHECK(root.memory.usage() == Pages{0});
    CHECK(root.stat(StatItem::kSock) == (is_v1 ? 0 : 64));
    CHECK(root.tcpmem().usage() == Pages{is_v1 ? 64U : 0U});
    machine.engine.check_invariants();
    machine.engine.free_kernel_memory(KernelObjectId{*object});
    CHECK(root.stat(StatItem::kSock) == 0);
    CHECK(root.tcpmem().usage() == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("above memory.high without a task a kernel thread reclaims", "[engine][high]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& group = machine.make_memory(parent, "g");
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 1000).ok());
    machine.engine.counter(*parent.memcg, CounterKind::kMemory).set_high(Pages{900});
    const auto charge = [&] {
        return machine.run(
            machine.engine.allocate_kernel_memory(*group.memcg, Pages{64}, ChargeClass::kAtomic));
    };
    REQUIRE(charge().ok());
    REQUIRE(charge().ok());
    CHECK(parent.memcg->event(MemcgEvent::kHigh) == 0);
    REQUIRE(machine.sink.spawned.size() == 1);  // queued once, however often it is asked for
    machine.run_spawned();
    CHECK(parent.memcg->event(MemcgEvent::kHigh) == 1);
    CHECK(group.memcg->event(MemcgEvent::kHigh) == 0);
    CHECK(group.memcg->stat(StatItem::kPgstealDirect) >= 64);
    CHECK(machine.engine.find(task)->over_high == Pages{0});
}

}  // namespace
}  // namespace memcgfs::engine
