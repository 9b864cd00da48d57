// SPDX-License-Identifier: MIT
//
// Serves the gates of processes in the exact tier: a page that is missing is put when it has been
// charged, and until then the thread that touched it waits, as it does in the kernel's page fault.
//
// Where a thread touches page after page, more are charged and put at one go: as many as it has
// touched up to 8, and then an eighth of them, up to FaultGate's most; near a limit one. A page
// that is only read costs nothing: it is the page of zeros.
//
// DEVIATION(gated-zero-pages): who writes to such a page later is not stopped by the gate, but
// charged as in the event tier. DEVIATION(own-threads-pay-later): the same holds for pages that a
// thread of the daemon fills in, for it must not wait for a group's memory.
//
// Threads: one of its own reads the faults; the methods are for any that holds no lock.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/meter/meter.h"
#include "meter/fault_gate.h"

namespace memcgfs::meter {

class Gatekeeper {
public:
    /// `on_fault`: called, without lock, when faults have come that wait.
    Gatekeeper(Meter& meter, std::function<void()> on_fault);
    /// stop(). Payments that admit() has begun are over.
    ~Gatekeeper();
    Gatekeeper(const Gatekeeper&) = delete;
    Gatekeeper& operator=(const Gatekeeper&) = delete;

    /// Opens all gates, for good.
    void stop();
    /// Raises it.
    void begin(pid_t pid, FaultGate gate);
    bool guards(pid_t pid) const;
    /// All private memory that the process has mapped.
    void guard_all(pid_t pid);
    /// What it has just mapped. Ignored where it is not private memory.
    void guard(pid_t pid, std::uint64_t start, std::uint64_t length);
    /// Its heap now ends at the address.
    void guard_heap(pid_t pid, std::uint64_t end);
    /// The gate is open for good, whoever waits goes on.
    void end(pid_t pid);
    /// A payment of the process has ended.
    void paid(pid_t pid);

private:
    struct Gate;

    void work();
    void read_faults(pid_t pid);
    bool retry();
    void serve(const std::shared_ptr<Gate>& gate);
    bool charge(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault);
    void put(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault, Pages pages,
             Pages charged);
    std::shared_ptr<Gate> find(pid_t pid) const;

    Meter& meter_;
    const std::function<void()> on_fault_;
    UniqueFd poll_;
    UniqueFd kick_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::map<pid_t, std::shared_ptr<Gate>> gates_ MEMCGFS_GUARDED_BY(mutex_);
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace memcgfs::meter
