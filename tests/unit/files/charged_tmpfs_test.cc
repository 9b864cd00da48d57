// SPDX-License-Identifier: MIT
#include "memcgfs/files/charged_tmpfs.h"

#include <fcntl.h>
#include <linux/falloc.h>

#include <optional>

#include "memcgfs/world/scripted_tasks.h"
#include "support/catch.hpp"
#include "support/engine_fixture.h"
#include "unit/files/fixture.h"

namespace memcgfs::files::testing {
namespace {

using engine::StatItem;

constexpr std::int32_t kPid = 100;
constexpr std::int32_t kThread = 101;

engine::Machine with_swap() {
    engine::Machine machine = test::roomy_machine();
    machine.swap = Pages{4096};
    return machine;
}

struct Charged {
    explicit Charged(TmpfsLimits limits = {}) { fs.emplace(parts(), bank, options(limits)); }

    ChargedTmpfs::Parts parts() {
        return {f.engine, mutex, payers, [this] { flushes++; }};
    }
    Tmpfs::Options options(TmpfsLimits limits) {
        return {.limits = limits, .now = [this] { return timespec{++seconds, 0}; }};
    }
    /// A process with the number kPid is in the group.
    void join() {
        REQUIRE(f.engine.find(f.add_task(group))->info.pid == kPid);
        tasks.put({.pid = kPid, .comm = "dd"});
    }
    InodeId make(std::string_view name) {
        return fs->with([&](Tmpfs& tmpfs) {
            const InodeId made = tmpfs.make({kRootInode, name}, {.mode = S_IFREG | 0644}).value();
            tmpfs.hold(made);
            return made;
        });
    }
    /// As the session does it.
    Result<std::uint64_t> end(Result<std::unique_ptr<Work>> begun) {
        if (!begun.ok()) {
            return Err(begun.error());
        }
        Work& work = **begun;
        while (std::unique_ptr<Operation> operation = work.next()) {
            const OperationResult charged =
                operation->finished() ? operation->result() : f.run(std::move(operation));
            if (!charged.ok()) {
                return work.finish(Err(charged.error()));
            }
        }
        return work.finish({});
    }
    Result<std::uint64_t> write(InodeId inode, std::uint64_t offset, std::string_view text,
                                std::int32_t thread = kPid) {
        return end(fs->write({.inode = inode, .thread = thread, .offset = offset}, bytes_of(text)));
    }
    std::int64_t shmem() { return group.memcg->stat(StatItem::kShmem); }
    std::uint64_t blocks(InodeId inode) {
        return static_cast<std::uint64_t>(
            fs->with([&](Tmpfs& tmpfs) { return tmpfs.getattr(inode).value().st_blocks; }));
    }

    test::EngineFixture f{"6.1", engine::Layout::kV2, with_swap()};
    engine::Cgroup& group = f.make_memory(f.root(), "a");
    Mutex mutex{LockRank::kEngine};
    world::ScriptedTasks tasks;
    Payers payers{f.engine, mutex, tasks};
    PageBank bank{{.memory = Pages{16}, .directory = "/tmp"}};
    time_t seconds = 0;
    int flushes = 0;
    std::optional<ChargedTmpfs> fs;
};

TEST_CASE("the group of the thread that writes pays, zeros or not", "[files]") {
    Charged c;
    c.join();
    c.tasks.put_thread(kThread, kPid);
    const InodeId file = c.make("a");
    REQUIRE(c.write(file, 0, std::string(8 * 4096, '\0')).ok());
    CHECK(c.shmem() == 8);
    REQUIRE(c.write(file, 8 * 4096, "x", kThread).ok());
    CHECK(c.shmem() == 9);
    CHECK(c.bank.in_memory() == Pages{1});
    CHECK(c.blocks(file) == 9 * 8);
    c.f.engine.check_invariants();
}

TEST_CASE("what is freed is uncharged before anybody knows", "[files]") {
    Charged c;
    c.join();
    const InodeId file = c.make("a");
    REQUIRE(c.write(file, 0, std::string(8 * 4096, 'x')).ok());
    c.fs->with([&](Tmpfs& fs) { REQUIRE(fs.setattr(file, {.size = 3 * 4096}).ok()); });
    CHECK(c.shmem() == 3);
    c.fs->with([&](Tmpfs& fs) { REQUIRE(fs.punch_hole(file, 0, 4096).ok()); });
    CHECK(c.shmem() == 2);
    SECTION("a name taken away") {
        c.fs->with([&](Tmpfs& fs) { REQUIRE(fs.unlink({kRootInode, "a"}).ok()); });
        CHECK(c.shmem() == 0);
    }
    SECTION("the last descriptor closed") {
        c.fs->with([&](Tmpfs& fs) {
            fs.open(file);
            REQUIRE(fs.unlink({kRootInode, "a"}).ok());
        });
        CHECK(c.shmem() == 2);
        c.fs->with([&](Tmpfs& fs) { fs.close(file); });
        CHECK(c.shmem() == 0);
    }
    SECTION("the file system ended") {
        c.fs.reset();
        CHECK(c.shmem() == 0);
    }
    CHECK(c.flushes > 0);
    c.f.engine.check_invariants();
}

TEST_CASE("a hole costs a page fault a page, and a read nothing", "[files]") {
    Charged c;
    c.join();
    const InodeId file = c.make("a");
    c.fs->with([&](Tmpfs& fs) { REQUIRE(fs.setattr(file, {.size = 10 * 4096}).ok()); });
    const ChargedTmpfs::Access all{.inode = file, .thread = kPid, .offset = 0, .size = 1 << 20};
    REQUIRE(c.end(c.fs->read(all, false)).ok());
    CHECK(c.shmem() == 0);
    CHECK(c.blocks(file) == 0);
    REQUIRE(c.end(c.fs->read({.inode = file, .thread = kPid, .offset = 4096, .size = 4096}, true))
                .ok());
    CHECK(c.shmem() == 1);
    CHECK(c.blocks(file) == 8);
    REQUIRE(c.end(c.fs->read(all, true)).ok());
    CHECK(c.shmem() == 10);
}

TEST_CASE("a write that cannot be charged leaves nothing behind", "[files]") {
    Charged c;
    c.join();
    const InodeId file = c.make("a");
    c.group.memcg->swap.set_max(Pages{0});
    REQUIRE(c.f.run(c.f.engine.set_memory_max(*c.group.memcg, Pages{100})).ok());
    REQUIRE(c.write(file, 0, std::string(50 * 4096, '\0')).ok());
    const auto refused = c.write(file, 50 * 4096, std::string(100 * 4096, '\0'));
    REQUIRE(!refused.ok());
    CHECK(c.f.sink.killed == std::vector{kPid});
    CHECK(c.blocks(file) == 50 * 8);
    CHECK(c.shmem() == 50);
    c.f.engine.check_invariants();
}

TEST_CASE("pages in swap come back to be read", "[files]") {
    Charged c;
    c.join();
    const InodeId file = c.make("a");
    REQUIRE(c.write(file, 0, std::string(64 * 4096, 'x')).ok());
    REQUIRE(c.f.run(c.f.engine.reclaim_pages(*c.group.memcg, Pages{32}, {})).ok());
    REQUIRE(c.shmem() <= 32);
    REQUIRE(
        c.end(c.fs->read({.inode = file, .thread = kPid, .offset = 0, .size = 64 * 4096}, false))
            .ok());
    CHECK(c.shmem() == 64);
}

TEST_CASE("fallocate takes all or nothing", "[files]") {
    Charged c({.blocks = Pages{20}});
    c.join();
    const InodeId file = c.make("a");
    REQUIRE(c.end(c.fs->allocate({.inode = file, .thread = kPid, .offset = 0, .size = 8 * 4096},
                                 FALLOC_FL_KEEP_SIZE))
                .ok());
    CHECK(c.shmem() == 8);
    CHECK(c.fs->with([&](Tmpfs& fs) { return fs.size_of(file); }) == 0);
    CHECK(error_of(c.end(c.fs->allocate(
              {.inode = file, .thread = kPid, .offset = 4096, .size = 30 * 4096}, 0))) == ENOSPC);
    CHECK(c.blocks(file) == 8 * 8);
    CHECK(c.shmem() == 8);
}

TEST_CASE("who is not of this world is in the root group", "[files]") {
    Charged c;
    const InodeId file = c.make("a");
    REQUIRE(c.write(file, 0, "x", 0).ok());
    REQUIRE(c.write(file, 4096, "x", 4711).ok());
    CHECK(c.shmem() == 0);
    CHECK(c.blocks(file) == 16);
    CHECK(c.f.root().memcg->stat(StatItem::kShmem) == 2);
}

}  // namespace
}  // namespace memcgfs::files::testing
