// SPDX-License-Identifier: MIT
//
// The engine's operations: a coroutine with an id, a CPU, a signal flag and a sense of time.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>

#include "engine/coro.h"
#include "memcgfs/base/clock.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/psi.h"

namespace memcgfs::engine {

/// What an operation's calls share. Lives as long as the operation.
struct OpContext {
    OperationId id{};
    const Clock* clock = nullptr;
    std::uint32_t cpu = 0;        ///< whose stock it uses
    TaskId task;                  ///< the charging task, or none for a file's writer or a kthread
    bool signal_pending = false;  ///< set by interrupt()
    bool reclaimer = false;       ///< PF_MEMALLOC: in a kernel thread that reclaims
    bool khugepaged = false;      ///< counts as such in 6.12, and is never over memory.high
    bool plugged = false;         ///< what it writes to swap waits for more (current->plug)
    PsiFlags psi;                 ///< of a kernel thread; a task has its own
    Nanos busy_until{};           ///< modelled time used so far reaches up to here

    /// Now, with the modelled time that is booked already.
    Nanos time() const { return std::max(busy_until, clock->now()); }
    /// Books modelled time. pause_point() turns it into a sleep once it is worth one.
    void spend(Nanos cost);
    /// Yield, or a sleep when more than a millisecond of modelled time is owed. The millisecond
    /// keeps real timers honest; it is far below every interval that the kernel defines.
    PauseAwaiter pause_point() const;
    /// The next pause_point() would sleep.
    bool owes_time() const;
};

class CoroOperation final : public Operation {
public:
    using Body = std::function<Coro<OperationResult>(OpContext&)>;

    /// What the engine does around each step.
    struct Hooks {
        std::function<void(const OpContext&)> before_step;
        std::function<void()> after_step;
    };

    CoroOperation(OpContext context, std::string_view name, Body body, Hooks hooks);

    Step step() override;
    void interrupt() override { context_.signal_pending = true; }
    OperationResult result() const override { return *result_; }
    OperationId id() const override { return context_.id; }
    std::string_view name() const override { return name_; }

private:
    OpContext context_;
    std::string_view name_;
    Body body_;  // owns the captures that the coroutine's frame refers to
    Hooks hooks_;
    CoroDriver driver_;
    std::optional<Coro<OperationResult>> call_;
    std::optional<OperationResult> result_;
};

/// An operation that is over before its first step.
class FinishedOperation final : public Operation {
public:
    FinishedOperation(OperationId id, std::string_view name, OperationResult result)
        : id_(id), name_(name), result_(std::move(result)) {}
    Step step() override { return {Step::Kind::kDone, {}}; }
    void interrupt() override {}
    OperationResult result() const override { return result_; }
    bool finished() const override { return true; }
    OperationId id() const override { return id_; }
    std::string_view name() const override { return name_; }

private:
    OperationId id_;
    std::string_view name_;
    OperationResult result_;
};

}  // namespace memcgfs::engine
