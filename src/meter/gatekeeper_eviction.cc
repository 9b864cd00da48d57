// SPDX-License-Identifier: MIT
//
// The part of the gatekeeper that is about pages that have been evicted.
#include <sys/eventfd.h>
#include <unistd.h>

#include <map>
#include <utility>
#include <vector>

#include "meter/gatekeeper.h"
#include "meter/victims.h"

namespace memcgfs::meter {

namespace {

/// So many that are to be evicted are worth a stop of the process at once; fewer are evicted at the
/// next tick.
constexpr Pages kWorthAStop{32};

}  // namespace

std::optional<Pages> Gatekeeper::evicted(pid_t pid) const {
    const auto gate = find(pid);
    if (gate == nullptr) {
        return std::nullopt;
    }
    const MutexLock lock(gate->mutex);
    return gate->evicted ? std::optional(gate->evicted->count()) : std::nullopt;
}

Pages Gatekeeper::to_evict(pid_t pid) const {
    const auto away = evicted(pid);
    const Pages swapped = away ? meter_.swapped(pid) : Pages{0};
    return away && swapped > *away ? swapped - *away : Pages{0};
}

void Gatekeeper::tell_of_eviction(const std::shared_ptr<Gate>& gate) {
    if (!evicts() || to_evict(gate->pid) < kWorthAStop) {
        return;
    }
    {
        const MutexLock lock(gate->mutex);
        if (std::exchange(gate->wants_eviction, true)) {
            return;
        }
    }
    parts_.wants_eviction(gate->pid);
}

void Gatekeeper::heard(pid_t pid) {
    if (const auto gate = find(pid)) {
        const MutexLock lock(gate->mutex);
        gate->wants_eviction = false;
    }
}

void Gatekeeper::put_back(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault,
                          Pages pages) {
    bool lost = false;
    meter_.install(gate->pid, Pages{0}, [&] {
        const MutexLock lock(gate->mutex);
        if (!gate->gate) {
            return;
        }
        if (gate->frozen_by != 0) {
            gate->waiting.push_front(fault);
            return;
        }
        const Result<Pages> back = gate->bring_back(fault.address, pages);
        lost = gate->lost;
        if (back.ok() && *back > Pages{0}) {
            gate->has_put(fault, *back);
        } else {
            gate->gate->wake(fault.address);
        }
    });
    if (lost) {
        parts_.lost(gate->pid);
    }
}

void Gatekeeper::bring_all_back(pid_t pid) {
    const auto gate = find(pid);
    if (gate == nullptr) {
        return;
    }
    bool lost = false;
    meter_.install(pid, Pages{0}, [&] {
        const MutexLock lock(gate->mutex);
        lost = !gate->bring_all_back().ok();
    });
    take_newborns(gate);
    if (lost) {
        parts_.lost(pid);
    }
}

/// Whoever looks for one finds it here or there, never in between.
void Gatekeeper::take_newborns(const std::shared_ptr<Gate>& gate) {
    std::vector<std::shared_ptr<Gate>> children;
    {
        const MutexLock lock(gate->mutex);
        for (auto& [child, pages] : std::exchange(gate->newborns, {})) {
            children.push_back(
                std::make_shared<Gate>(next_key_++, 0, std::move(child), std::move(pages)));
            add(children.back());
        }
    }
    for (const auto& child : children) {
        listen_to(child);
    }
}

void Gatekeeper::adopt(pid_t child) {
    std::map<std::uint64_t, std::shared_ptr<Gate>> gates;
    {
        const MutexLock lock(mutex_);
        gates = by_key_;
    }
    for (const auto& [key, gate] : gates) {
        take_newborns(gate);
    }
    {
        const MutexLock lock(mutex_);
        gates = by_key_;
    }
    for (const auto& [key, gate] : gates) {
        if (gate->pid != 0) {
            continue;
        }
        const bool is_childs = belongs_to(gate, child);
        bool is_empty = false;
        {
            const MutexLock lock(gate->mutex);
            if (is_childs) {
                gate->evicted->keep_only(inherited_memory_of(child));
            }
            is_empty = gate->evicted->empty();
        }
        if (is_childs) {
            gate->pid = child;
            add(gate);
            return;
        }
        if (is_empty) {
            close(gate, false);
        }
    }
}

/// What one protects through its gate shows in one process: a page where its arguments are, which
/// is never evicted.
bool Gatekeeper::belongs_to(const std::shared_ptr<Gate>& gate, pid_t child) {
    const std::uint64_t page = arguments_of(child).start / kPageSize * kPageSize;
    const MutexLock lock(gate->mutex);
    Result<void> done = gate->gate->protect(page, kPageSize, true);
    while (!done.ok() && done.error() == Errno::kEAGAIN) {
        gate->read_messages();
        done = gate->gate->protect(page, kPageSize, true);
    }
    if (!done.ok()) {
        gate->evicted->drop_all();  // it has ended before it began
        return false;
    }
    const bool is_childs = is_protected(child, page);
    static_cast<void>(gate->gate->protect(page, kPageSize, false).ok());
    return is_childs;
}

bool Gatekeeper::freeze(pid_t pid) {
    const auto gate = find(pid);
    return gate != nullptr && gate->freeze(gettid());
}

void Gatekeeper::thaw(pid_t pid) {
    if (const auto gate = find(pid)) {
        gate->thaw();
        eventfd_write(kick_.get(), 1);
    }
}

bool Gatekeeper::begin_eviction(pid_t pid, std::uint64_t start, std::uint64_t length) {
    const auto gate = find(pid);
    return gate != nullptr && gate->protect(start, length);
}

Result<void> Gatekeeper::put(pid_t pid, std::uint64_t address, SwapFile::ConstPage contents) {
    const auto gate = find(pid);
    if (gate == nullptr) {
        return Err(Errno::kESRCH);
    }
    gate->add(address, MEMCGFS_TRY(parts_.swap_file->put(contents)));
    return {};
}

void Gatekeeper::end_eviction(pid_t pid, bool gone) {
    if (const auto gate = find(pid)) {
        gate->unprotect(gone);
    }
}

}  // namespace memcgfs::meter
