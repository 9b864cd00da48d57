// SPDX-License-Identifier: MIT
//
// Mutexes with a name, a rank and annotations that clang checks (-Wthread-safety).
//
// Ranks are taken in rising order only: a thread that holds rank r may lock ranks above r. The
// order is checked at run time (an assertion) in every build; it costs a thread-local compare.
// docs/locking.md lists the locks; a new one adds a rank here and a line there.
#pragma once

#include <condition_variable>
#include <mutex>

#include "memcgfs/base/units.h"

#if defined(__clang__)
#define MEMCGFS_TSA(x) __attribute__((x))
#else
#define MEMCGFS_TSA(x)
#endif
#define MEMCGFS_GUARDED_BY(x) MEMCGFS_TSA(guarded_by(x))
#define MEMCGFS_REQUIRES(...) MEMCGFS_TSA(requires_capability(__VA_ARGS__))
#define MEMCGFS_EXCLUDES(...) MEMCGFS_TSA(locks_excluded(__VA_ARGS__))

namespace memcgfs {

/// Lock order, outermost first (docs/locking.md).
enum class LockRank : int {
    kOpenFile = 10,
    kTree = 20,
    kTaskTable = 30,
    kFiles = 35,
    kMeter = 37,
    kEngine = 40,
    kExecutor = 50,
    kOutbox = 60,
    kGate = 65,
    kLeaf = 70,
};

class MEMCGFS_TSA(capability("mutex")) Mutex {
public:
    explicit Mutex(LockRank rank) : rank_(rank) {}
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() MEMCGFS_TSA(acquire_capability());
    void unlock() MEMCGFS_TSA(release_capability());

private:
    friend class CondVar;
    std::mutex mutex_;
    LockRank rank_;
    int previous_rank_ = 0;  // of the holder, to go back to at unlock
};

class MEMCGFS_TSA(scoped_lockable) MutexLock {
public:
    explicit MutexLock(Mutex& mutex) MEMCGFS_TSA(acquire_capability(mutex)) : mutex_(mutex) {
        mutex_.lock();
    }
    ~MutexLock() MEMCGFS_TSA(release_capability()) { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

private:
    Mutex& mutex_;
};

/// A condition variable for Mutex. The mutex stays the holder's innermost lock while waiting.
class CondVar {
public:
    void wait(Mutex& mutex) MEMCGFS_REQUIRES(mutex);
    /// Waits at most `timeout`; spurious returns are allowed, so callers loop on their condition.
    void wait_for(Mutex& mutex, Nanos timeout) MEMCGFS_REQUIRES(mutex);
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

private:
    std::condition_variable condition_;
};

}  // namespace memcgfs
