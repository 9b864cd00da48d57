// SPDX-License-Identifier: MIT
#include "meter/fault_trap.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace memcgfs::meter {

namespace {

perf_event_attr fault_counter() {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
    attributes.exclude_hv = 1;
    // A signal that waits for a thread inside a system call would make a long read a short one.
    attributes.exclude_kernel = 1;
    return attributes;
}

int open_event(const perf_event_attr& attributes, std::int32_t tid) {
    return static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

FaultTrap::FaultTrap(FaultTrap&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      faults_(other.faults_),
      most_faults_(other.most_faults_),
      disabled_(other.disabled_) {}

FaultTrap& FaultTrap::operator=(FaultTrap&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(faults_, other.faults_);
    std::swap(most_faults_, other.most_faults_);
    std::swap(disabled_, other.disabled_);
    return *this;
}

void FaultTrap::disable() {
    disabled_ = true;
    if (file_ >= 0) {
        ioctl(file_, PERF_EVENT_IOC_DISABLE, 0);
    }
}

void FaultTrap::come_after(std::uint64_t faults) {
    faults_ = faults;
    most_faults_ = std::max(most_faults_, faults);
    ioctl(file_, PERF_EVENT_IOC_PERIOD, &faults);
}

FaultTrap::~FaultTrap() {
    if (file_ >= 0) {
        close(file_);
    }
}

Result<FaultTrap> FaultTrap::set(std::int32_t tid, std::uint64_t faults) {
    perf_event_attr attributes = fault_counter();
    attributes.sample_period = faults;
    attributes.sigtrap = 1;
    attributes.remove_on_exec = 1;
    attributes.inherit = 1;
    const int file = open_event(attributes, tid);
    if (file < 0) {
        return Err(static_cast<Errno>(errno));
    }
    return FaultTrap(file, faults);
}

Result<FaultTrap> FaultTrap::keep_ready() {
    const int file = open_event(fault_counter(), 0);
    if (file < 0) {
        return Err(static_cast<Errno>(errno));
    }
    return FaultTrap(file);
}

}  // namespace memcgfs::meter
