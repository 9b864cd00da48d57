// SPDX-License-Identifier: MIT
#include "memcgfs/exec/wake_latency.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace memcgfs::exec {

namespace {

/// Without a request: the burst is over.
constexpr Nanos kLinger = from_millis(5);
constexpr std::int32_t kAwake = 0;
constexpr std::int32_t kAsEver = -1;  // PM_QOS_DEFAULT_VALUE

}  // namespace

UniqueFd WakeLatency::open_file() {
    return UniqueFd(open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC));
}

WakeLatency::WakeLatency(const Clock& clock, Open open)
    : clock_(clock), open_(std::move(open)), available_(static_cast<bool>(open_)) {}

WakeLatency::~WakeLatency() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void WakeLatency::count() {
    const std::int64_t now = clock_.now().count();
    const std::int64_t last = last_nanos_.exchange(now, std::memory_order_relaxed);
    if (now - last > kClose.count()) {
        close_.store(0, std::memory_order_relaxed);
        return;
    }
    if (in_burst_.load(std::memory_order_relaxed) ||
        close_.fetch_add(1, std::memory_order_relaxed) + 2 < kBurst) {
        return;
    }
    begin_burst();
}

void WakeLatency::begin_burst() {
    const MutexLock lock(mutex_);
    in_burst_ = true;
    changed_.notify_all();
    if (!thread_.joinable()) {
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_ = std::thread([this] { work(); });
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
}

void WakeLatency::ask_for(std::int32_t microseconds) {
    // Refused: it stays as it was, and all is slower.
    [[maybe_unused]] const ssize_t written = write(file_.get(), &microseconds, sizeof microseconds);
}

bool WakeLatency::wait_for_burst() {
    const MutexLock lock(mutex_);
    while (!stopping_ && !in_burst_) {
        changed_.wait(mutex_);
    }
    return !stopping_;
}

void WakeLatency::wait_for_its_end() {
    const MutexLock lock(mutex_);
    while (!stopping_ && clock_.now().count() - last_nanos_ < kLinger.count()) {
        changed_.wait_for(mutex_, kLinger);
    }
    close_ = 0;
    in_burst_ = false;
}

void WakeLatency::work() {
    pthread_setname_np(pthread_self(), "memcgfs-awake");
    file_ = open_();
    available_ = file_.valid();
    while (available_ && wait_for_burst()) {
        ask_for(kAwake);
        wait_for_its_end();
        ask_for(kAsEver);
    }
}

}  // namespace memcgfs::exec
