// SPDX-License-Identifier: MIT
//
// Several threads at one file of a tracked directory.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "unit/files/tracked_fixture.h"

namespace memcgfs::files::testing {
namespace {

/// What several threads do to one file at a time, each as a process of its own. Catch2's checks are
/// one thread's: faults are counted.
struct Crowd {
    static constexpr std::uint64_t kPages = 128;
    static constexpr int kRounds = 400;

    Crowd() {
        for (std::int32_t pid = kPid + 1; pid < kPid + 4; pid++) {
            t.f.add_task(t.group);
            t.tasks.put({.pid = pid, .comm = "dd"});
        }
        REQUIRE(t.f.run(t.f.engine.set_memory_max(*t.group.memcg, Pages{64})).ok());
    }

    bool finish(Operation& operation) {
        for (;;) {
            const MutexLock lock(t.mutex);
            const Step step = operation.finished() ? Step{Step::Kind::kDone, {}} : operation.step();
            if (step.kind == Step::Kind::kDone) {
                return operation.result().ok();
            }
            if (step.kind == Step::Kind::kWait) {
                return false;
            }
            if (step.until > t.f.clock.now()) {
                t.f.clock.advance_to(step.until);
            }
        }
    }
    void end(Result<std::unique_ptr<Work>> work) {
        bool done = work.ok();
        while (auto operation = done ? (*work)->next() : nullptr) {
            done = finish(*operation);
        }
        faults += done && (*work)->finish({}).ok() ? 0 : 1;
    }
    FileSystem::Access access(std::int32_t pid, std::uint64_t page, std::uint64_t count) const {
        auto access = Tracked::access(file, page * kPage, count * kPage);
        access.thread = pid;
        return access;
    }
    void write(std::int32_t pid) {
        std::mt19937 random(static_cast<unsigned>(pid));
        for (int i = 0; i < kRounds; i++) {
            const std::uint64_t count = random() % 4 + 1;
            const std::string text(count * kPage, static_cast<char>(random() % 4));
            end(t.fs->write(access(pid, random() % kPages, count), bytes_of(text)));
        }
    }
    void read(std::int32_t pid) {
        std::mt19937 random(static_cast<unsigned>(pid));
        for (int i = 0; i < kRounds; i++) {
            const auto where = access(pid, random() % kPages, 1);
            end(t.fs->read(where, false));
            std::string text(kPage, 'x');
            const auto got = t.fs->fetch(where, std::as_writable_bytes(std::span(text)));
            text.resize(got.ok() && !got->zeros ? got->size : 0);
            faults +=
                got.ok() && text.find_first_not_of(text.substr(0, 1)) == std::string::npos ? 0 : 1;
        }
    }
    void cut() {
        std::mt19937 random(7);
        for (int i = 0; i < kRounds; i++) {
            const AttributeChange change{.size = random() % kPages * kPage};
            faults += t.fs->setattr(file.entry.inode, change, file.handle).ok() ? 0 : 1;
        }
    }

    Tracked t;
    const FileSystem::Created file = t.create("a");
    std::atomic<int> faults = 0;
};

TEST_CASE("threads that write, read and cut one file see whole pages of it", "[files]") {
    Crowd crowd;
    {
        std::vector<std::jthread> threads;
        threads.emplace_back([&] { crowd.write(kPid); });
        threads.emplace_back([&] { crowd.write(kPid + 1); });
        threads.emplace_back([&] { crowd.read(kPid + 2); });
        threads.emplace_back([&] { crowd.cut(); });
    }
    Tracked& t = crowd.t;
    CHECK(crowd.faults == 0);
    CHECK(t.cache() <= 64);
    t.f.engine.check_invariants();
    const auto size = static_cast<std::uint64_t>(t.real.status("a").st_size);
    CHECK(t.cache() <= static_cast<std::int64_t>(size / kPage));
    t.fs->setattr(crowd.file.entry.inode, {.size = 0}, crowd.file.handle).value();
    CHECK(t.cache() == 0);
}

}  // namespace
}  // namespace memcgfs::files::testing
