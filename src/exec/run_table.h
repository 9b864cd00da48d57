// SPDX-License-Identifier: MIT
//
// Which operations exist and what each waits for: the bookkeeping both executors share, so that
// they agree on what a wake-up means.
//
// States: runnable -> (take) running -> (settle) runnable, sleeping or waiting -> (wake, due)
// runnable; (remove) ends an operation that is running. A wake-up that comes while an operation
// is running is kept and makes the next sleep or wait end at once; so a step without a cause is
// possible, as it is for the kernel's waiters.
//
// Not thread safe: the owner's lock guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "memcgfs/base/operation.h"

namespace memcgfs::exec {

class RunTable {
public:
    struct Entry {
        std::unique_ptr<Operation> operation;
        OperationRunner::Done done;
        /// A wake-up has come since the step began.
        bool woken = false;
        /// Steps made since the executor was told to stop.
        std::uint32_t steps_after_stop = 0;

    private:
        friend class RunTable;
        enum class State : std::uint8_t { kRunnable, kRunning, kSleeping, kWaiting };
        State state = State::kRunnable;
        OperationId id{};
        Nanos until{};
    };

    /// Runnable from the start. Ids are never used twice.
    void add(std::unique_ptr<Operation> operation, OperationRunner::Done done);
    /// nullptr if there is no such operation (any more).
    Entry* find(OperationId id);

    /// Number of runnable operations, and the one at `position` in the order of becoming so; it
    /// is running from now on.
    std::size_t runnable() const { return queue_.size(); }
    Entry& take(std::size_t position);

    /// Does what a step other than kDone asked for.
    void settle(Entry& entry, const Step& step);
    /// True if the operation has become runnable by this.
    bool wake(Entry& entry);
    /// Makes those runnable whose sleep is over, in the order of their times, then ids.
    void wake_due(Nanos now);
    /// When the first sleep is over.
    std::optional<Nanos> next_due() const;

    /// Takes a running operation out; it can no longer be found.
    std::unique_ptr<Entry> remove(Entry& entry);
    bool empty() const { return entries_.empty(); }
    /// In the order of ids.
    std::vector<Entry*> all() const;

private:
    void make_runnable(Entry& entry);

    std::map<OperationId, std::unique_ptr<Entry>> entries_;
    std::deque<Entry*> queue_;
    std::set<std::pair<Nanos, OperationId>> sleepers_;
};

}  // namespace memcgfs::exec
