// SPDX-License-Identifier: MIT
#include "meter/fault_bell.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "meter/proc_look.h"

namespace memcgfs::meter {

namespace {

/// Those that are made inside system calls are another right (perf_event_paranoid above 1).
int open_counter(pid_t tid, bool in_kernel) {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
    attributes.sample_period = FaultBell::kFaults;
    attributes.wakeup_events = 1;
    attributes.inherit = 1;
    attributes.exclude_hv = 1;
    attributes.exclude_kernel = in_kernel ? 0 : 1;
    return static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

bool send_signals(int file, pid_t listener) {
    const f_owner_ex owner{.type = F_OWNER_TID, .pid = listener};
    return fcntl(file, F_SETOWN_EX, &owner) == 0 &&
           fcntl(file, F_SETSIG, FaultBell::signal()) == 0 &&
           fcntl(file, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

}  // namespace

Result<FaultBell> FaultBell::hang(pid_t pid, pid_t listener) {
    FaultBell bell;
    auto error = Errno::kESRCH;
    for (const pid_t tid : threads_of(pid)) {
        int file = open_counter(tid, true);
        if (file < 0 && (errno == EACCES || errno == EPERM)) {
            file = open_counter(tid, false);
        }
        if (file >= 0) {
            bell.files_.push_back(file);
        }
        if (file < 0 || !send_signals(file, listener)) {
            error = static_cast<Errno>(errno);
            if (error != Errno::kESRCH) {
                return Err(error);
            }
        }
    }
    if (bell.files_.empty()) {
        return Err(error);
    }
    return bell;
}

FaultBell::FaultBell(FaultBell&& other) noexcept : files_(std::exchange(other.files_, {})) {}

FaultBell& FaultBell::operator=(FaultBell&& other) noexcept {
    std::swap(files_, other.files_);
    return *this;
}

FaultBell::~FaultBell() {
    for (const int file : files_) {
        close(file);
    }
}

bool FaultBell::is_among(const std::set<int>& files) const {
    return std::any_of(files_.begin(), files_.end(),
                       [&](int file) { return files.contains(file); });
}

}  // namespace memcgfs::meter
