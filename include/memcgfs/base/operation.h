// SPDX-License-Identifier: MIT
//
// Work that takes more than one go: kernel threads, blocking writes, page faults.
//
// An Operation is a step() object. Whoever runs it (exec/) holds the engine lock during step()
// and during interrupt(), drops it in between, and delivers the engine's effects before the next
// step. The places where step() returns are the only ones where another thread can come in, so
// the simulator explores exactly what the live executor can do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"

namespace memcgfs {

/// Names an operation for the whole life of its engine; never used twice. 0 is none.
enum class OperationId : std::uint64_t {};

/// What an operation wants after a step.
struct Step {
    enum class Kind : std::uint8_t {
        kYield,  ///< go on whenever convenient
        kSleep,  ///< go on at `until` (Clock time), or earlier when woken or interrupted
        kWait,   ///< go on when woken (OperationRunner::wake) or interrupted
        kDone,   ///< result() is valid; do not step again
    };
    Kind kind = Kind::kYield;
    Nanos until{};
};

/// What a finished operation says: a number whose meaning its maker states (0 where there is
/// nothing to say), or the errno for the caller.
using OperationResult = Result<std::uint64_t>;

class Operation {
public:
    virtual ~Operation() = default;
    /// Does a bounded piece of work (at most one batch). Engine lock held.
    virtual Step step() = 0;
    /// The caller has a signal pending: end at the next place where the kernel would look, with
    /// the kernel's result for that place. Engine lock held. The operation is stepped again.
    virtual void interrupt() = 0;
    /// Only after step() said kDone, or if finished().
    virtual OperationResult result() const = 0;
    /// True if it was over before its first step: nobody need run it.
    virtual bool finished() const { return false; }
    virtual OperationId id() const = 0;
    /// For traces and thread dumps, e.g. "wmark" or "memory.max".
    virtual std::string_view name() const = 0;
};

/// Runs operations to their end. Implemented by the executors.
class OperationRunner {
public:
    virtual ~OperationRunner() = default;
    using Done = std::function<void(OperationResult)>;
    /// Takes the operation over and calls `done` exactly once, from any thread, with no lock
    /// held, after the effects of the last step have been delivered. `done` may be empty.
    virtual void submit(std::unique_ptr<Operation> operation, Done done) = 0;
    /// The same, and the caller's thread makes the first steps as long as there is nothing to wait
    /// for: what is short is over, and answered, when this returns.
    virtual void run(std::unique_ptr<Operation> operation, Done done) {
        submit(std::move(operation), std::move(done));
    }
    /// Ends a sleep or wait early. Unknown or finished ids are ignored.
    virtual void wake(OperationId id) = 0;
    /// Calls the operation's interrupt() and makes it runnable. Unknown ids are ignored.
    virtual void interrupt(OperationId id) = 0;
};

}  // namespace memcgfs
