// SPDX-License-Identifier: MIT
#include "exec/run_table.h"

#include "memcgfs/base/assert.h"

namespace memcgfs::exec {

void RunTable::add(std::unique_ptr<Operation> operation, OperationRunner::Done done) {
    auto entry = std::make_unique<Entry>();
    entry->id = operation->id();
    entry->operation = std::move(operation);
    entry->done = std::move(done);
    const auto [position, inserted] = entries_.emplace(entry->id, std::move(entry));
    MEMCGFS_ASSERT(inserted);
    queue_.push_back(position->second.get());
}

RunTable::Entry* RunTable::find(OperationId id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : found->second.get();
}

RunTable::Entry& RunTable::take(std::size_t position) {
    const auto at = queue_.begin() + static_cast<std::ptrdiff_t>(position);
    Entry& entry = **at;
    queue_.erase(at);
    entry.state = Entry::State::kRunning;
    entry.woken = false;
    return entry;
}

void RunTable::settle(Entry& entry, const Step& step) {
    MEMCGFS_ASSERT(entry.state == Entry::State::kRunning && step.kind != Step::Kind::kDone);
    if (step.kind == Step::Kind::kYield || entry.woken) {
        make_runnable(entry);
    } else if (step.kind == Step::Kind::kSleep) {
        entry.state = Entry::State::kSleeping;
        entry.until = step.until;
        sleepers_.emplace(entry.until, entry.id);
    } else {
        entry.state = Entry::State::kWaiting;
    }
}

bool RunTable::wake(Entry& entry) {
    switch (entry.state) {
        case Entry::State::kRunnable:
            return false;
        case Entry::State::kRunning:
            entry.woken = true;
            return false;
        case Entry::State::kSleeping:
            sleepers_.erase({entry.until, entry.id});
            make_runnable(entry);
            return true;
        case Entry::State::kWaiting:
            make_runnable(entry);
            return true;
    }
    MEMCGFS_UNREACHABLE();
}

void RunTable::wake_due(Nanos now) {
    while (!sleepers_.empty() && sleepers_.begin()->first <= now) {
        Entry* entry = find(sleepers_.begin()->second);
        sleepers_.erase(sleepers_.begin());
        make_runnable(*entry);
    }
}

std::optional<Nanos> RunTable::next_due() const {
    if (sleepers_.empty()) {
        return std::nullopt;
    }
    return sleepers_.begin()->first;
}

std::unique_ptr<RunTable::Entry> RunTable::remove(Entry& entry) {
    MEMCGFS_ASSERT(entry.state == Entry::State::kRunning);
    const auto found = entries_.find(entry.id);
    std::unique_ptr<Entry> owned = std::move(found->second);
    entries_.erase(found);
    return owned;
}

std::vector<RunTable::Entry*> RunTable::all() const {
    std::vector<Entry*> entries;
    entries.reserve(entries_.size());
    for (const auto& [id, entry] : entries_) {
        entries.push_back(entry.get());
    }
    return entries;
}

void RunTable::make_runnable(Entry& entry) {
    entry.state = Entry::State::kRunnable;
    queue_.push_back(&entry);
}

}  // namespace memcgfs::exec
