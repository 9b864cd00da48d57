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

bool is_own_thread(std::int32_t tid) { return syscall(SYS_tgkill, getpid(), tid, 0) == 0; }

}  // namespace

struct Gatekeeper::Gate {
    Gate(pid_t process, FaultGate opened) : pid(process), gate(std::move(opened)) {}

    /// Page after page that is touched; of the last few such rows, some thread may be expected to
    /// go on with one.
    struct Row {
        std::uint64_t next = 0;
        Pages length{0};
    };
    /// What is put ahead of a row is as long as the row, up to so much; and then the part of its
    /// length: what nobody touches is charged as well.
    static constexpr std::uint64_t kDoubles = 8;
    static constexpr std::uint64_t kAhead = 8;
    static constexpr std::size_t kRows = 16;

    bool take(FaultGate::Fault& fault) {
        const MutexLock lock(mutex);
        if (busy || waiting.empty() || !gate) {
            return false;
        }
        busy = true;
        later = false;
        fault = waiting.front();
        waiting.pop_front();
        return true;
    }
    void put_back(const FaultGate::Fault& fault) {
        const MutexLock lock(mutex);
        waiting.push_front(fault);
        busy = false;
        later = true;
    }
    void done() {
        const MutexLock lock(mutex);
        busy = false;
    }
    /// How many pages to put for a fault.
    Pages row_for(const FaultGate::Fault& fault) {
        const MutexLock lock(mutex);
        const auto row = std::find_if(rows.begin(), rows.end(),
                                      [&](const Row& one) { return one.next == fault.address; });
        if (row != rows.end()) {
            const std::uint64_t length = row->length.count();
            return std::clamp(Pages{std::max(std::min(length, kDoubles), length / kAhead)},
                              Pages{1}, FaultGate::kMostPages);
        }
        rows.push_front({fault.address, Pages{0}});
        if (rows.size() > kRows) {
            rows.pop_back();
        }
        return Pages{1};
    }
    /// So many have been put; a row that goes on is the last to be forgotten.
    void has_put(const FaultGate::Fault& fault, Pages pages) MEMCGFS_REQUIRES(mutex) {
        const auto row = std::find_if(rows.begin(), rows.end(),
                                      [&](const Row& one) { return one.next == fault.address; });
        if (row != rows.end()) {
            row->next += pages.count() * kPageSize;
            row->length += pages;
            std::rotate(rows.begin(), row, row + 1);
        }
    }

    const pid_t pid;
    Mutex mutex{LockRank::kLeaf};
    std::optional<FaultGate> gate MEMCGFS_GUARDED_BY(mutex);
    std::deque<FaultGate::Fault> waiting MEMCGFS_GUARDED_BY(mutex);
    std::deque<Row> rows MEMCGFS_GUARDED_BY(mutex);
    std::uint64_t heap MEMCGFS_GUARDED_BY(mutex) = 0;
    bool busy MEMCGFS_GUARDED_BY(mutex) = false;   ///< one fault is being decided on
    bool later MEMCGFS_GUARDED_BY(mutex) = false;  ///< another payment comes first
};

Gatekeeper::Gatekeeper(Meter& meter, std::function<void()> on_fault)
    : meter_(meter),
      on_fault_(std::move(on_fault)),
      poll_(epoll_create1(EPOLL_CLOEXEC)),
      kick_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kStop}};
    epoll_ctl(poll_.get(), EPOLL_CTL_ADD, kick_.get(), &event);
    thread_ = std::thread([this] { work(); });
}

Gatekeeper::~Gatekeeper() { stop(); }

void Gatekeeper::stop() {
    std::map<pid_t, std::shared_ptr<Gate>> gates;
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        gates = gates_;
    }
    eventfd_write(kick_.get(), 1);
    if (thread_.joinable()) {
        thread_.join();
    }
    for (const auto& [pid, gate] : gates) {
        end(pid);
    }
}

void Gatekeeper::begin(pid_t pid, FaultGate gate) {
    const int file = gate.file();
    {
        const MutexLock lock(mutex_);
        gates_[pid] = std::make_shared<Gate>(pid, std::move(gate));
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = static_cast<std::uint64_t>(pid)}};
    epoll_ctl(poll_.get(), EPOLL_CTL_ADD, file, &event);
    guard_all(pid);
}

std::shared_ptr<Gatekeeper::Gate> Gatekeeper::find(pid_t pid) const {
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
    std::shared_ptr<Gate> gate;
    {
        const MutexLock lock(mutex_);
        const auto found = gates_.find(pid);
        if (found == gates_.end()) {
            return;
        }
        gate = std::move(found->second);
        gates_.erase(found);
    }
    const MutexLock lock(gate->mutex);
    epoll_ctl(poll_.get(), EPOLL_CTL_DEL, gate->gate->file(), nullptr);
    gate->gate.reset();
    gate->waiting.clear();
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
                on_fault_();
                read_faults(static_cast<pid_t>(what));
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

void Gatekeeper::read_faults(pid_t pid) {
    const auto gate = find(pid);
    if (gate == nullptr) {
        return;
    }
    {
        const MutexLock lock(gate->mutex);
        while (gate->gate) {
            const auto fault = gate->gate->next();
            if (!fault) {
                break;
            }
            gate->waiting.push_back(*fault);
        }
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
        if (!fault.write) {
            const MutexLock lock(gate->mutex);
            if (gate->gate) {
                gate->gate->fill_with_zero_page(fault.address, Pages{1});
            }
            gate->busy = false;
        } else if (is_own_thread(fault.tid)) {
            put(gate, fault, Pages{1}, Pages{0});
            gate->done();
        } else if (!charge(gate, fault)) {
            return;
        }
    }
}

/// False: it goes on in another thread, or has to be tried again.
bool Gatekeeper::charge(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault) {
    // Whichever comes second, the decision or this call's end, knows of the first.
    auto first = std::make_shared<std::atomic<bool>>(true);
    const auto decided = [this, gate, fault, first](Meter::Admission admission, Pages pages) {
        switch (admission) {
            case Meter::Admission::kCharged:
                put(gate, fault, pages, pages);
                break;
            case Meter::Admission::kFree:
                put(gate, fault, pages, Pages{0});
                break;
            case Meter::Admission::kLater:
                gate->put_back(fault);
                eventfd_write(kick_.get(), 1);
                return;
            case Meter::Admission::kNever:
                break;
        }
        gate->done();
        if (!first->exchange(false)) {
            serve(gate);
        }
    };
    meter_.admit(gate->pid, gate->row_for(fault), decided);
    return !first->exchange(false);
}

void Gatekeeper::put(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault, Pages pages,
                     Pages charged) {
    Pages done{0};
    meter_.install(gate->pid, charged, [&] {
        const MutexLock lock(gate->mutex);
        if (gate->gate) {
            done = gate->gate->fill(fault.address, pages);
            gate->has_put(fault, pages);
        }
    });
    if (done < charged) {
        meter_.settle_for_other(gate->pid);  // gives the rest back
    }
}

}  // namespace memcgfs::meter
