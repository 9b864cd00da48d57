// SPDX-License-Identifier: MIT
#include "memcgfs/base/mutex.h"

#include <chrono>

#include "memcgfs/base/assert.h"

namespace memcgfs {

namespace {
// The rank of the innermost lock this thread holds; 0 for none. Per thread, so no shared state.
thread_local int innermost_rank = 0;
}  // namespace

void Mutex::lock() {
    MEMCGFS_ASSERT(static_cast<int>(rank_) > innermost_rank);
    mutex_.lock();
    previous_rank_ = innermost_rank;
    innermost_rank = static_cast<int>(rank_);
}

void Mutex::unlock() {
    innermost_rank = previous_rank_;
    mutex_.unlock();
}

void CondVar::wait(Mutex& mutex) {
    const int previous = mutex.previous_rank_;
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
    mutex.previous_rank_ = previous;
}

void CondVar::wait_for(Mutex& mutex, Nanos timeout) {
    const int previous = mutex.previous_rank_;
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_for(lock, std::chrono::nanoseconds(timeout.count()));
    lock.release();
    mutex.previous_rank_ = previous;
}

}  // namespace memcgfs
