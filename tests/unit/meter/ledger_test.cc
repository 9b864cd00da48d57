// SPDX-License-Identifier: MIT
#include "memcgfs/meter/ledger.h"

#include "support/catch.hpp"
#include "unit/meter/books.h"

namespace memcgfs::meter {
namespace {

TEST_CASE("growth is charged, and what is given back is freed") {
    Books books;
    CHECK(books.look(kParent, 1000));
    CHECK(books.charged() == 1000);
    CHECK(books.look(kParent, 300));
    CHECK(books.charged() == 300);
    CHECK(books.look(kParent, 301));
    CHECK(books.charged() == 301);
    books.ledger.exit(kParent);
    CHECK(books.charged() == 0);
    CHECK(books.f.engine.find_task_by_pid(kParent) == nullptr);
}

TEST_CASE("what a process had before is not charged, and is the last to go") {
    Books books(Pages{500});
    CHECK(books.look(kParent, 500));
    CHECK(books.charged() == 0);
    CHECK(books.look(kParent, 600));
    CHECK(books.charged() == 100);
    CHECK(books.look(kParent, 200));
    CHECK(books.charged() == 0);
    CHECK(books.look(kParent, 300));
    CHECK(books.charged() == 100);
}

TEST_CASE("pages of before a fork are charged once, until the last lets go") {
    Books books;
    REQUIRE(books.look(kParent, 1000));
    books.ledger.fork({.parent = kParent, .child = kChild});
    CHECK(books.look(kChild, 1000));
    CHECK(books.charged() == 1000);
    CHECK(books.look(kChild, 1100));
    CHECK(books.look(kParent, 1050));
    CHECK(books.charged() == 1150);

    SECTION("the child gives up its part: what the parent has stays") {
        CHECK(books.look(kChild, 0));
        CHECK(books.charged() == 1050);
        // New pages are new: none of those that it has given up.
        CHECK(books.look(kChild, 10));
        CHECK(books.charged() == 1060);
    }
    SECTION("the parent ends first") {
        books.ledger.exit(kParent);
        CHECK(books.charged() == 1100);
        CHECK(books.look(kChild, 40));
        CHECK(books.charged() == 40);
    }
    SECTION("the child runs another program") {
        books.ledger.exec(kChild, "ls");
        CHECK(books.charged() == 1050);
        CHECK(books.look(kChild, 20));
        CHECK(books.charged() == 1070);
        CHECK(books.f.engine.find_task_by_pid(kChild)->info.comm == "ls");
    }
    SECTION("both give up the same part") {
        CHECK(books.look(kChild, 400));
        CHECK(books.look(kParent, 300));
        CHECK(books.charged() == 400);
    }
}

TEST_CASE("what a process maps costs slab, once, and a page of it stays with the group") {
    Books books;
    const engine::Memcg& memcg = *books.group.memcg;
    REQUIRE(books.f.run(books.ledger.first_region(kParent)).ok());
    CHECK(books.ledger.first_region(kParent) == nullptr);
    CHECK(memcg.stat_total(engine::StatItem::kKernel) == 1);
    CHECK(memcg.stat_total(engine::StatItem::kSlabUnreclaimable) > 0);
    books.ledger.exit(kParent);
    CHECK(books.ledger.first_region(kParent) == nullptr);
    CHECK(memcg.stat_total(engine::StatItem::kSlabUnreclaimable) == 0);
    CHECK(memcg.stat_total(engine::StatItem::kKernel) == 1);
    CHECK(memcg.memory.usage() > Pages{0});
}

TEST_CASE("kernels before 4.5 charge nothing for what a process maps") {
    test::EngineFixture f("3.10", engine::Layout::kV1, test::roomy_machine());
    f.add_task(f.make_memory(f.root(), "a"));
    Mutex mutex{LockRank::kEngine};
    Ledger ledger{f.engine, mutex};
    REQUIRE(ledger.open(kParent, Pages{0}).ok());
    CHECK(ledger.first_region(kParent) == nullptr);
}

TEST_CASE("threads have kernel stacks until they end") {
    Books books;
    constexpr std::int64_t kOne = 4;
    books.begin(kParent, kParent + 1);
    books.begin(kParent, kParent + 2);
    books.begin(kParent + 50, kParent + 50);  // has no books
    CHECK(books.stacks() == 2 * kOne);
    CHECK(books.group.memcg->memory.usage() >= Pages{8});
    books.ledger.thread_ends(kParent, kParent + 1);
    books.ledger.thread_ends(kParent, kParent + 1);
    CHECK(books.stacks() == kOne);

    SECTION("or their process has") { books.ledger.exit(kParent); }
    SECTION("or its books are closed") { books.ledger.forget(kParent); }
    SECTION("those of others stay") {
        books.ledger.fork({.parent = kParent, .child = kChild});
        books.begin(kChild, kChild);
        books.ledger.exit(kParent);
        CHECK(books.stacks() == kOne);
        books.ledger.exit(kChild);
    }
    SECTION("also if they end before they are charged") {
        auto operation = books.ledger.thread_begins(kParent, kParent + 3);
        books.ledger.thread_ends(kParent, kParent + 3);
        books.ledger.stack_settled(kParent, kParent + 3, books.f.run(std::move(operation)));
        books.ledger.thread_ends(kParent, kParent + 2);
    }
    SECTION("and for one that there is no room for there is none") {
        books.ledger.thread_ends(kParent, kParent + 2);
        books.f.limit(books.group, Pages{0});
        books.begin(kParent, kParent + 3);
    }
    CHECK(books.stacks() == 0);
    books.f.engine.check_invariants();
}

TEST_CASE("a vfork's child is of no account until it runs another program") {
    Books books;
    REQUIRE(books.look(kParent, 1000));
    books.ledger.fork({.parent = kParent, .child = kChild, .shares_memory = true});
    CHECK(books.look(kChild, 1000));
    CHECK(books.charged() == 1000);
    books.ledger.exec(kChild, "true");
    CHECK(books.look(kChild, 30));
    CHECK(books.charged() == 1030);
}

TEST_CASE("a fork is in its parent's group") {
    Books books;
    books.ledger.fork({.parent = kParent, .child = kChild});
    const engine::Task* const child = books.f.engine.find_task_by_pid(kChild);
    REQUIRE(child != nullptr);
    CHECK(child->groups.in(books.group.hierarchy->id) == books.group.id);
    CHECK(books.ledger.members(books.group.id) == std::vector<std::int32_t>{kParent, kChild});
    CHECK(books.ledger.members(books.f.root().id).size() == 2);
}

TEST_CASE("a fork that was made into another group is there") {
    Books books;
    engine::Cgroup& other = books.f.make_memory(books.f.root(), "b");
    engine::Membership groups = books.f.engine.find_task_by_pid(kParent)->groups;
    groups[other.hierarchy->id] = other.id;
    const std::uint32_t css_set = books.f.engine.css_set_of(groups);
    books.ledger.fork({.parent = kParent, .child = kChild, .css_set = css_set});
    CHECK(books.ledger.members(other.id) == std::vector<std::int32_t>{kChild});
    CHECK(books.look(kChild, 50));
    CHECK(other.memcg->stat_total(engine::StatItem::kAnon) == 50);
    CHECK(books.charged() == 0);
}

TEST_CASE("who is forked into the root group has books where that is wanted") {
    Books books;
    Ledger all{books.f.engine, books.mutex, true};
    const std::uint32_t roots = books.f.engine.css_set_of({});
    CHECK_FALSE(books.ledger.fork({.parent = kParent, .child = kChild, .css_set = roots}));
    CHECK(all.fork({.parent = kParent, .child = kChild, .css_set = roots}));
}

TEST_CASE("shared memory is charged once, and freed when nobody maps it") {
    Books books;
    const auto shmem = [&] { return books.group.memcg->stat_total(engine::StatItem::kShmem); };
    const SharedSegment::Key key{1, 77};
    books.ledger.shares(kParent, {{key, Pages{100}}});
    CHECK(books.look(kParent, 10));
    CHECK(books.look(kParent, 10));  // one thing at a time
    CHECK(shmem() == 100);
    books.ledger.fork({.parent = kParent, .child = kChild});
    books.ledger.shares(kChild, {{key, Pages{120}}});
    CHECK(books.look(kChild, 10));
    CHECK(shmem() == 120);

    SECTION("also if who made it ends first") {
        books.ledger.exit(kParent);
        CHECK(shmem() == 120);
        books.ledger.exit(kChild);
        CHECK(shmem() == 0);
    }
    SECTION("or runs another program") {
        books.ledger.exec(kParent, "sh");
        books.ledger.shares(kChild, {});
        CHECK(shmem() == 0);
    }
    SECTION("what is given back of it is freed at once") {
        books.ledger.shares(kChild, {{key, Pages{30}}});
        CHECK(shmem() == 30);
    }
    SECTION("another segment is another's") {
        books.ledger.shares(kChild, {{key, Pages{120}}, {{1, 78}, Pages{5}}});
        CHECK(books.look(kChild, 10));
        CHECK(shmem() == 125);
        books.ledger.exit(kChild);
        CHECK(shmem() == 120);
    }
}

TEST_CASE("what two processes have touched of shared memory may be the same") {
    Books books;
    const auto shmem = [&] { return books.group.memcg->stat_total(engine::StatItem::kShmem); };
    const auto part = [](std::uint64_t pages) {
        return SharedSegment{.key = {1, 77}, .pages = Pages{pages}, .is_part = true};
    };
    books.ledger.shares(kParent, {part(100)});
    CHECK(books.look(kParent, 0));
    books.ledger.fork({.parent = kParent, .child = kChild});
    books.ledger.shares(kChild, {part(60)});
    CHECK(books.look(kChild, 0));
    CHECK(shmem() == 100);
    books.ledger.exit(kChild);
    books.ledger.shares(kParent, {part(60)});
    CHECK(shmem() == 60);
}

TEST_CASE("a System V segment stays until it is removed") {
    Books books;
    const auto shmem = [&] { return books.group.memcg->stat_total(engine::StatItem::kShmem); };
    books.ledger.shares(kParent, {{.key = {1, 9}, .pages = Pages{40}, .is_sysv = true}});
    CHECK(books.look(kParent, 0));
    CHECK_FALSE(books.ledger.has_unmapped_segments());
    books.ledger.exit(kParent);
    CHECK(shmem() == 40);
    CHECK(books.ledger.has_unmapped_segments());
    books.ledger.keep_sysv({3, 9});
    CHECK(shmem() == 40);
    books.ledger.keep_sysv({3});
    CHECK(shmem() == 0);
    CHECK_FALSE(books.ledger.has_unmapped_segments());
}

TEST_CASE("shared memory of before is not charged, what comes to it is") {
    Books books;
    const SharedSegment::Key key{1, 77};
    books.ledger.shares(kParent, {{key, Pages{100}}}, Ledger::Since::kBefore);
    CHECK(books.look(kParent, 0));
    CHECK(books.group.memcg->stat_total(engine::StatItem::kShmem) == 0);
    books.ledger.shares(kParent, {{key, Pages{130}}});
    CHECK(books.look(kParent, 0));
    CHECK(books.group.memcg->stat_total(engine::StatItem::kShmem) == 30);
}

TEST_CASE("a fork of nobody that is known has its groups, and no memory yet") {
    Books books;
    const std::uint32_t css_set =
        books.f.engine.css_set_of(books.f.engine.find_task_by_pid(kParent)->groups);
    CHECK_FALSE(books.ledger.fork({.parent = 0, .child = kChild}));
    CHECK(
        books.ledger.fork({.parent = 0, .child = kChild, .css_set = css_set, .anon = Pages{500}}));
    CHECK(books.look(kChild, 520));
    CHECK(books.charged() == 20);
    CHECK(books.ledger.members(books.group.id) == std::vector<std::int32_t>{kParent, kChild});
}

TEST_CASE("over the limit a process is killed, and usage stays below") {
    Books books;
    books.f.limit(books.group, mib(1));
    CHECK_FALSE(books.look(kParent, 300));
    CHECK(books.f.sink.killed == std::vector<std::int32_t>{kParent});
    CHECK(books.group.memcg->memory.watermark() <= mib(1));
    CHECK_FALSE(books.ledger.pays(kParent));
    books.ledger.exit(kParent);
    CHECK(books.charged() == 0);
}

TEST_CASE("while a payment is under way there is no second one") {
    Books books;
    auto payment = books.ledger.sampled(kParent, Pages{200});
    REQUIRE(payment != nullptr);
    CHECK(books.ledger.pays(kParent));
    CHECK(books.ledger.sampled(kParent, Pages{300}) == nullptr);

    SECTION("its end lets the next look pay the rest") {
        CHECK(books.settle(kParent, std::move(payment)).ok());
        CHECK(books.look(kParent, 300));
        CHECK(books.charged() == 300);
    }
    SECTION("the process forks and ends: nothing stays") {
        books.ledger.fork({.parent = kParent, .child = kChild});
        books.ledger.exec(kParent, "true");
        CHECK_FALSE(books.settle(kParent, std::move(payment)).ok());
        books.ledger.exit(kParent);
        books.ledger.exit(kChild);
        CHECK(books.charged() == 0);
    }
    SECTION("it runs another program, which pays for itself") {
        books.ledger.exec(kParent, "true");
        auto next = books.ledger.sampled(kParent, Pages{50});
        REQUIRE(next != nullptr);
        CHECK_FALSE(books.settle(kParent, std::move(payment)).ok());
        CHECK(books.ledger.pays(kParent));
        CHECK(books.settle(kParent, std::move(next)).ok());
        CHECK(books.look(kParent, 50));
        CHECK(books.charged() == 50);
        books.ledger.exit(kParent);
        CHECK(books.charged() == 0);
    }
    SECTION("the payment fails: the whole of it is debt again") {
        const OperationId id = payment->id();
        payment.reset();
        books.ledger.settled(kParent, id, Err(Errno::kENOMEM));
        CHECK(books.look(kParent, 200));
        CHECK(books.charged() == 200);
    }
}

TEST_CASE("headroom is the least of all limits above") {
    Books books;
    CHECK(books.ledger.headroom(kParent) == kPageCounterMax);
    books.f.limit(books.group, mib(8));
    REQUIRE(books.look(kParent, 100));
    const Pages usage = books.group.memcg->memory.usage();
    CHECK(books.ledger.headroom(kParent) == mib(8) - usage);
    REQUIRE(books.f.run(books.f.engine.set_memory_high(*books.group.memcg, mib(4))).ok());
    CHECK(books.ledger.headroom(kParent) == mib(4) - usage);
}

TEST_CASE("nobody has books who is not known") {
    Books books;
    CHECK(books.ledger.open(4711, Pages{0}).error() == Errno::kESRCH);
    books.ledger.fork({.parent = 4711, .child = kChild});
    CHECK(books.f.engine.find_task_by_pid(kChild) == nullptr);
    CHECK(books.ledger.sampled(4711, Pages{1}) == nullptr);
    books.ledger.forget(kParent);
    CHECK(books.ledger.sampled(kParent, Pages{1}) == nullptr);
    CHECK(books.f.engine.find_task_by_pid(kParent) != nullptr);
}

}  // namespace
}  // namespace memcgfs::meter
