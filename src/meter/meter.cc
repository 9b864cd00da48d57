// SPDX-License-Identifier: MIT
#include "memcgfs/meter/meter.h"

#include <atomic>
#include <utility>

namespace memcgfs::meter {

struct Meter::Watched {
    explicit Watched(MemoryProbe opened) : probe(std::move(opened)) {}
    Mutex looking{LockRank::kMeter};
    MemoryProbe probe;
};

Meter::Meter(Parts parts) : parts_(std::move(parts)), ledger_(parts_.engine, parts_.engine_mutex) {}

Meter::~Meter() = default;

std::shared_ptr<Meter::Watched> Meter::find(std::int32_t pid) const {
    const MutexLock lock(mutex_);
    const auto found = watched_.find(pid);
    return found == watched_.end() ? nullptr : found->second;
}

std::shared_ptr<Meter::Watched> Meter::add(std::int32_t pid) {
    auto probe = MemoryProbe::open(pid);
    if (!probe.ok()) {
        return nullptr;
    }
    auto watched = std::make_shared<Watched>(std::move(probe).value());
    const MutexLock lock(mutex_);
    watched_[pid] = watched;
    return watched;
}

void Meter::remove(std::int32_t pid) {
    const MutexLock lock(mutex_);
    watched_.erase(pid);
}

std::size_t Meter::count() const {
    const MutexLock lock(mutex_);
    return watched_.size();
}

Result<void> Meter::watch(std::int32_t pid) {
    if (find(pid) != nullptr) {
        return {};
    }
    const auto watched = add(pid);
    if (watched == nullptr) {
        return Err(Errno::kESRCH);
    }
    const MutexLock looking(watched->looking);
    const Result<Pages> anon = watched->probe.anon();
    const Result<void> opened = anon.ok() ? ledger_.open(pid, *anon) : Err(anon.error());
    if (!opened.ok()) {
        remove(pid);
    }
    return opened;
}

void Meter::fork(std::int32_t parent, std::int32_t child, bool shares_memory) {
    if (add(child) != nullptr) {
        ledger_.fork(parent, child, shares_memory);
    }
}

void Meter::exec(std::int32_t pid, std::string comm) {
    if (const auto watched = find(pid)) {
        const MutexLock looking(watched->looking);
        ledger_.exec(pid, std::move(comm));
    }
}

void Meter::exit(std::int32_t pid) {
    remove(pid);
    ledger_.exit(pid);
}

void Meter::forget(std::int32_t pid) {
    remove(pid);
    ledger_.forget(pid);
}

Meter::Settled Meter::settle(std::int32_t pid) {
    const auto watched = find(pid);
    if (watched == nullptr) {
        return {};
    }
    std::unique_ptr<Operation> payment;
    {
        const MutexLock looking(watched->looking);
        const Result<Pages> anon = watched->probe.anon();
        if (!anon.ok()) {
            return {};
        }
        payment = ledger_.sampled(pid, *anon);
    }
    if (payment == nullptr) {
        return {.free = !ledger_.pays(pid), .grew = false};
    }
    // Whichever comes second knows of the first: the end of the payment, or of this look at it.
    auto first = std::make_shared<std::atomic<bool>>(true);
    parts_.runner.run(std::move(payment), [this, pid, first](const OperationResult& result) {
        ledger_.settled(pid, result);
        if (!first->exchange(false)) {
            parts_.paid(pid);
        }
    });
    return {.free = !first->exchange(false), .grew = true};
}

std::vector<std::int32_t> Meter::settle_each(const std::vector<std::int32_t>& pids) {
    std::vector<std::int32_t> owing;
    for (const std::int32_t pid : pids) {
        if (!settle(pid).free) {
            owing.push_back(pid);
        }
    }
    return owing;
}

std::vector<std::int32_t> Meter::settle(engine::CgroupId group) {
    return count() == 0 ? std::vector<std::int32_t>{} : settle_each(ledger_.members(group));
}

std::vector<std::int32_t> Meter::settle_all() {
    std::vector<std::int32_t> pids;
    {
        const MutexLock lock(mutex_);
        for (const auto& [pid, watched] : watched_) {
            pids.push_back(pid);
        }
    }
    return settle_each(pids);
}

}  // namespace memcgfs::meter
