// SPDX-License-Identifier: MIT
#include "memcgfs/meter/meter.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "support/catch.hpp"
#include "unit/meter/followed.h"

namespace memcgfs::meter {
namespace {

constexpr std::size_t kBytes = std::size_t{4} << 20U;

/// A process that touches 4 MiB of new memory each time it is told to.
class Grower {
public:
    Grower() {
        REQUIRE(pipe2(orders_.data(), O_CLOEXEC) == 0);
        REQUIRE(pipe2(answers_.data(), O_CLOEXEC) == 0);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
            for (char byte = 0; read(orders_[0], &byte, 1) == 1; grow()) {
            }
            _exit(0);
        }
    }
    ~Grower() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        for (const int file : {orders_[0], orders_[1], answers_[0], answers_[1]}) {
            close(file);
        }
    }
    Grower(const Grower&) = delete;
    Grower& operator=(const Grower&) = delete;

    pid_t pid() const { return pid_; }
    void tell() {
        char byte = 0;
        REQUIRE(write(orders_[1], &byte, 1) == 1);
        REQUIRE(read(answers_[0], &byte, 1) == 1);
    }

private:
    void grow() {
        auto* const start = static_cast<char*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        for (std::size_t at = 0; at < kBytes; at += kPageSize) {
            start[at] = 1;
        }
        static_cast<void>(write(answers_[1], start, 1) == 1);
    }

    std::array<int, 2> orders_{};
    std::array<int, 2> answers_{};
    pid_t pid_ = 0;
};

/// Takes its time, as work does.
class Slow final : public Operation {
public:
    Slow(std::unique_ptr<Operation> inner, const Clock& clock)
        : inner_(std::move(inner)), clock_(clock) {}
    Step step() override {
        return std::exchange(begun_, true)
                   ? inner_->step()
                   : Step{Step::Kind::kSleep, clock_.now() + from_millis(5)};
    }
    void interrupt() override { inner_->interrupt(); }
    OperationResult result() const override { return inner_->result(); }
    bool finished() const override { return false; }
    OperationId id() const override { return inner_->id(); }
    std::string_view name() const override { return inner_->name(); }

private:
    const std::unique_ptr<Operation> inner_;
    const Clock& clock_;
    bool begun_ = false;
};

/// Runs what is slow, and the process grows when the first of it is about to begin.
class SlowRunner final : public OperationRunner {
public:
    SlowRunner(OperationRunner& inner, const Clock& clock, Grower& grows)
        : inner_(inner), clock_(clock), grows_(grows) {}
    void submit(std::unique_ptr<Operation> operation, Done done) override {
        if (!std::exchange(grown_, true)) {
            grows_.tell();
        }
        inner_.submit(std::make_unique<Slow>(std::move(operation), clock_), std::move(done));
    }
    void wake(OperationId id) override { inner_.wake(id); }
    void interrupt(OperationId id) override { inner_.interrupt(id); }

private:
    OperationRunner& inner_;
    const Clock& clock_;
    Grower& grows_;
    bool grown_ = false;
};

TEST_CASE("who reads sees what came while a payment was being made") {
    Grower process;
    World world;
    {
        const MutexLock lock(world.engine_mutex);
        engine::TaskInfo info;
        info.pid = process.pid();
        const engine::TaskId task = world.engine.add_task(info, {});
        REQUIRE(world.engine.attach_task(task, world.group->id).ok());
    }
    SlowRunner runner(world.executor, world.clock, process);
    Meter meter({world.engine, world.engine_mutex, runner, world.clock, [](std::int32_t) {}});
    REQUIRE(meter.watch(process.pid()).ok());
    process.tell();
    CHECK(meter.settle(world.group->id).empty());
    CHECK(meter.charged(process.pid()) >= Pages{2 * kBytes / kPageSize});
}

}  // namespace
}  // namespace memcgfs::meter
