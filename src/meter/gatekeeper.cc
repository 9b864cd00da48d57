// SPDX-License-Identifier: MIT
#include "meter/gatekeeper.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "meter/private_memory.h"

namespace memcgfs::meter {

namespace {

constexpr int kRetryMillis = 5;
constexpr std::uint64_t kStop = UINT64_MAX;

}  // namespace

Gatekeeper::Gatekeeper(Parts parts)
    : parts_(std::move(parts)),
      meter_(parts_.meter),
      poll_(epoll_create1(EPOLL_CLOEXEC)),
      kick_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kStop}};
    epoll_ctl(poll_.get(), EPOLL_CTL_ADD, kick_.get(), &event);
    thread_ = std::thread([this] { work(); });
}

Gatekeeper::~Gatekeeper() { stop(); }

void Gatekeeper::stop() {
    std::map<std::uint64_t, std::shared_ptr<Gate>> gates;
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        gates = by_key_;
    }
    eventfd_write(kick_.get(), 1);
    if (thread_.joinable()) {
        thread_.join();
    }
    for (const auto& [key, gate] : gates) {
        close(gate, true);
    }
}

void Gatekeeper::begin(pid_t pid, FaultGate opened) {
    std::optional<EvictedPages> pages;
    if (parts_.swap_file != nullptr) {
        pages.emplace(*parts_.swap_file);
    }
    const auto gate = std::make_shared<Gate>(next_key_++, pid, std::move(opened), std::move(pages));
    add(gate);
    listen_to(gate);
    guard_all(pid);
}

void Gatekeeper::add(const std::shared_ptr<Gate>& gate) {
    const MutexLock lock(mutex_);
    by_key_[gate->key] = gate;
    if (gate->pid != 0) {
        gates_[gate->pid] = gate;
    }
}

void Gatekeeper::listen_to(const std::shared_ptr<Gate>& gate) {
    const MutexLock lock(gate->mutex);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = gate->key}};
    if (gate->gate) {
        epoll_ctl(poll_.get(), EPOLL_CTL_ADD, gate->gate->file(), &event);
    }
}

std::shared_ptr<Gate> Gatekeeper::find(pid_t pid) const {
    const MutexLock lock(mutex_);
    const auto found = gates_.find(pid);
    return found == gates_.end() ? nullptr : found->second;
}

bool Gatekeeper::guards(pid_t pid) const { return find(pid) != nullptr; }

void Gatekeeper::guard_all(pid_t pid) {
    for (const PrivateMemory& memory : private_memory_of(pid)) {
        guard(pid, memory.start, memory.end - memory.start);
    }
}

void Gatekeeper::guard(pid_t pid, std::uint64_t start, std::uint64_t length) {
    if (const auto gate = find(pid)) {
        const MutexLock lock(gate->mutex);
        if (gate->gate) {
            static_cast<void>(gate->gate->guard(start, length).ok());
        }
    }
}

void Gatekeeper::guard_heap(pid_t pid, std::uint64_t end) {
    const auto gate = find(pid);
    if (gate == nullptr) {
        return;
    }
    std::uint64_t start = 0;
    {
        const MutexLock lock(gate->mutex);
        start = gate->heap;
    }
    if (start == 0) {
        const auto all = private_memory_of(pid);
        const auto heap = std::find_if(all.begin(), all.end(),
                                       [](const PrivateMemory& memory) { return memory.is_heap; });
        if (heap == all.end()) {
            return;
        }
        start = heap->start;
        const MutexLock lock(gate->mutex);
        gate->heap = start;
    }
    if (const std::uint64_t whole = (end + kPageSize - 1) / kPageSize * kPageSize; whole > start) {
        guard(pid, start, whole - start);
    }
}

void Gatekeeper::end(pid_t pid) {
    if (const auto gate = find(pid)) {
        close(gate, false);
    }
}

void Gatekeeper::leave(pid_t pid) {
    if (const auto gate = find(pid)) {
        close(gate, true);
    }
}

void Gatekeeper::close(const std::shared_ptr<Gate>& gate, bool goes_on) {
    bool lost = false;
    {
        const MutexLock lock(gate->mutex);
        if (goes_on) {
            lost = !gate->bring_all_back().ok();
        }
        if (gate->gate) {
            // A child that has been forked keeps what it was born with.
            gate->read_messages();
            epoll_ctl(poll_.get(), EPOLL_CTL_DEL, gate->gate->file(), nullptr);
        }
        gate->gate.reset();
        gate->waiting.clear();
        if (gate->evicted) {
            gate->evicted->drop_all();
        }
    }
    take_newborns(gate);
    {
        const MutexLock lock(mutex_);
        by_key_.erase(gate->key);
        if (const auto known = gates_.find(gate->pid);
            known != gates_.end() && known->second == gate) {
            gates_.erase(known);
        }
    }
    if (lost && gate->pid != 0) {
        parts_.lost(gate->pid);
    }
}

void Gatekeeper::paid(pid_t pid) {
    if (const auto gate = find(pid)) {
        serve(gate);
    }
}

void Gatekeeper::work() {
    pthread_setname_np(pthread_self(), "memcgfs-gates");
    bool later = false;
    for (;;) {
        std::array<epoll_event, 16> events{};
        const int count = epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()),
                                     later ? kRetryMillis : -1);
        for (int i = 0; i < count; ++i) {
            if (const std::uint64_t what = events[static_cast<std::size_t>(i)].data.u64;
                what != kStop) {
                parts_.on_fault();
                read_faults(what);
            } else {
                eventfd_t ignored = 0;
                eventfd_read(kick_.get(), &ignored);
            }
        }
        later = retry();
        const MutexLock lock(mutex_);
        if (stopping_) {
            return;
        }
    }
}

void Gatekeeper::read_faults(std::uint64_t key) {
    std::shared_ptr<Gate> gate;
    {
        const MutexLock lock(mutex_);
        if (const auto found = by_key_.find(key); found != by_key_.end()) {
            gate = found->second;
        }
    }
    if (gate == nullptr) {
        return;
    }
    bool lost = false;
    {
        const MutexLock lock(gate->mutex);
        gate->read_messages();
        lost = gate->lost;
    }
    take_newborns(gate);
    if (lost && gate->pid != 0) {
        parts_.lost(gate->pid);
    }
    serve(gate);
}

/// True: some have still to wait for another payment.
bool Gatekeeper::retry() {
    std::map<pid_t, std::shared_ptr<Gate>> gates;
    {
        const MutexLock lock(mutex_);
        gates = gates_;
    }
    bool later = false;
    for (const auto& [pid, gate] : gates) {
        {
            const MutexLock lock(gate->mutex);
            if (!gate->later) {
                continue;
            }
        }
        serve(gate);
        const MutexLock lock(gate->mutex);
        later = later || gate->later;
    }
    return later;
}

void Gatekeeper::serve(const std::shared_ptr<Gate>& gate) {
    FaultGate::Fault fault;
    while (gate->take(fault)) {
        if (fault.write || gate->has_evicted(fault.address)) {
            if (!charge(gate, fault)) {
                return;
            }
            continue;
        }
        const MutexLock lock(gate->mutex);
        if (gate->frozen_by != 0) {
            gate->waiting.push_front(fault);
        } else if (gate->gate) {
            gate->gate->fill_with_zero_page(fault.address, Pages{1});
        }
        gate->busy = false;
    }
}

/// False: it goes on in another thread, or has to be tried again.
bool Gatekeeper::charge(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault) {
    // Whichever comes second, the decision or this call's end, knows of the first.
    auto first = std::make_shared<std::atomic<bool>>(true);
    const bool comes_back = gate->has_evicted(fault.address);
    const auto decided = [this, gate, fault, first, comes_back](Meter::Admission admission,
                                                                Pages pages) {
        if (admission == Meter::Admission::kLater) {
            gate->put_back(fault);
            eventfd_write(kick_.get(), 1);
            return;
        }
        if (admission != Meter::Admission::kNever && comes_back) {
            put_back(gate, fault, pages);
        } else if (admission != Meter::Admission::kNever) {
            const bool paid = admission == Meter::Admission::kCharged;
            put_empty(gate, fault, pages, paid ? pages : Pages{0});
        }
        tell_of_eviction(gate);
        gate->done();
        if (!first->exchange(false)) {
            serve(gate);
        }
    };
    const Pages row = gate->row_for(fault);
    if (comes_back) {
        meter_.admit_back(gate->pid, row, decided);
    } else {
        meter_.admit(gate->pid, row, decided);
    }
    return !first->exchange(false);
}

void Gatekeeper::put_empty(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault,
                           Pages pages, Pages charged) {
    Pages done{0};
    meter_.install(gate->pid, charged, [&] {
        const MutexLock lock(gate->mutex);
        if (gate->frozen_by != 0) {
            gate->waiting.push_front(fault);
        } else if (gate->gate) {
            done = gate->fill(fault, pages);
            gate->has_put(fault, pages);
        }
    });
    if (done < charged) {
        meter_.settle_for_other(gate->pid);  // gives the rest back
    }
}

}  // namespace memcgfs::meter
