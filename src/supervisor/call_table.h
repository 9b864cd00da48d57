// SPDX-License-Identifier: MIT
//
// The system calls that are answered here: one row each. The filter is made from it, and the
// supervisor finds its function by it; nothing else knows their numbers.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>

#include <cstdint>
#include <optional>
#include <span>

#include "memcgfs/supervisor/filter.h"
#include "supervisor/call.h"

namespace memcgfs::supervisor {

class CallAnswers;

/// Opens of directories and of new files are many, and none of them is redirected.
inline constexpr std::uint64_t kNeverRedirected = O_PATH | O_DIRECTORY | O_EXCL;

/// DEVIATION(walking-opens): programs that walk through whole trees (grep -r, find) open what they
/// find relative to its directory and follow no links. To wait for each of these opens would cost
/// them half as much again, and it is seldom a file of /proc.
inline constexpr std::uint64_t kWalking = O_NOFOLLOW;

/// Of mount(2): what makes no mount of a file system and does not change one.
inline constexpr std::uint64_t kOtherMounts =
    MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

/// Only calls of which an argument, as far as the mask goes, has the value wait; without a mask,
/// those of which it is at least the value.
struct OnlyWhere {
    unsigned argument = 0;
    std::uint64_t mask = 0;
    std::uint64_t value = 0;
};

struct CallRow {
    const char* name;  ///< for the log
    int number;        ///< of this architecture
    Answer (*answer)(const Call& call, CallAnswers& answers);
    std::optional<OnlyWhere> only{};
    std::optional<OnlyWhere> also{};  ///< both
    Mappings since = Mappings::kPass;  ///< waits only where these do
};

std::span<const CallRow> call_table();

// statfs_calls.cc
Answer answer_statfs(const Call& call, CallAnswers& answers);
Answer answer_fstatfs(const Call& call, CallAnswers& answers);
// fork_calls.cc
Answer answer_fork(const Call& call, CallAnswers& answers);
Answer answer_clone(const Call& call, CallAnswers& answers);
Answer answer_clone3(const Call& call, CallAnswers& answers);
Answer answer_unshare(const Call& call, CallAnswers& answers);
// mount_calls.cc
Answer answer_mount(const Call& call, CallAnswers& answers);
Answer answer_umount(const Call& call, CallAnswers& answers);
Answer answer_fsopen(const Call& call, CallAnswers& answers);
Answer answer_fspick(const Call& call, CallAnswers& answers);
Answer answer_fsconfig(const Call& call, CallAnswers& answers);
Answer answer_fsmount(const Call& call, CallAnswers& answers);
// open_calls.cc
Answer answer_open(const Call& call, CallAnswers& answers);
Answer answer_openat(const Call& call, CallAnswers& answers);
Answer answer_openat2(const Call& call, CallAnswers& answers);
// handle_calls.cc
Answer answer_name_to_handle(const Call& call, CallAnswers& answers);
// limit_calls.cc
Answer answer_getrlimit(const Call& call, CallAnswers& answers);
Answer answer_setrlimit(const Call& call, CallAnswers& answers);
Answer answer_prlimit(const Call& call, CallAnswers& answers);
// cache_calls.cc
Answer answer_fadvise(const Call& call, CallAnswers& answers);
// growth_calls.cc
Answer answer_mmap(const Call& call, CallAnswers& answers);
Answer answer_mlock(const Call& call, CallAnswers& answers);
Answer answer_mlockall(const Call& call, CallAnswers& answers);
Answer answer_madvise(const Call& call, CallAnswers& answers);
Answer answer_mapping(const Call& call, CallAnswers& answers);
Answer answer_pin(const Call& call, CallAnswers& answers);
Answer answer_write_to_process(const Call& call, CallAnswers& answers);
Answer answer_userfaultfd(const Call& call, CallAnswers& answers);
Answer answer_read(const Call& call, CallAnswers& answers);
// trace_calls.cc
Answer answer_ptrace(const Call& call, CallAnswers& answers);
// machine_calls.cc
Answer answer_swapon(const Call& call, CallAnswers& answers);
Answer answer_swapoff(const Call& call, CallAnswers& answers);
Answer answer_sync(const Call& call, CallAnswers& answers);
Answer answer_syncfs(const Call& call, CallAnswers& answers);
Answer answer_syslog(const Call& call, CallAnswers& answers);
Answer answer_sysinfo(const Call& call, CallAnswers& answers);
Answer answer_uname(const Call& call, CallAnswers& answers);

}  // namespace memcgfs::supervisor
