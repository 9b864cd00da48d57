// SPDX-License-Identifier: MIT
#include "supervisor/call_table.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>

namespace memcgfs::supervisor {
namespace {

constexpr OnlyWhere without_bits(unsigned argument, std::uint64_t bits) {
    return {argument, bits, 0};
}

/// Of calls whose argument is an int that says which limit.
constexpr OnlyWhere of_locks(unsigned argument) { return {argument, UINT32_MAX, RLIMIT_LOCKS}; }

constexpr OnlyWhere with_bits(unsigned argument, std::uint64_t bits) {
    return {argument, bits, bits};
}

constexpr OnlyWhere equal(unsigned argument, std::uint64_t value) {
    return {argument, UINT32_MAX, value};
}

constexpr OnlyWhere at_least(unsigned argument, std::uint64_t value) {
    return {argument, 0, value};
}

/// What is read at one go and is worth a look before.
constexpr OnlyWhere kLongRead = at_least(2, 1U << 20U);

constexpr OnlyWhere kAtWorkingDirectory{0, UINT32_MAX, static_cast<std::uint32_t>(AT_FDCWD)};

constexpr std::array kTable{
    CallRow{"openat", SYS_openat, answer_openat, without_bits(2, kNeverRedirected),
            kAtWorkingDirectory},
    CallRow{"openat", SYS_openat, answer_openat, without_bits(2, kNeverRedirected | kWalking)},
    CallRow{"openat2", SYS_openat2, answer_openat2},
#ifdef SYS_open
    CallRow{"open", SYS_open, answer_open, without_bits(1, kNeverRedirected)},
#endif
    CallRow{"statfs", SYS_statfs, answer_statfs},
    CallRow{"fstatfs", SYS_fstatfs, answer_fstatfs},
    CallRow{"name_to_handle_at", SYS_name_to_handle_at, answer_name_to_handle},
    CallRow{"mount", SYS_mount, answer_mount, without_bits(3, kOtherMounts)},
    CallRow{"umount2", SYS_umount2, answer_umount},
    CallRow{"fsopen", SYS_fsopen, answer_fsopen},
    CallRow{"fspick", SYS_fspick, answer_fspick},
    CallRow{"fsconfig", SYS_fsconfig, answer_fsconfig},
    CallRow{"fsmount", SYS_fsmount, answer_fsmount},
    CallRow{"getrlimit", SYS_getrlimit, answer_getrlimit, of_locks(0)},
    CallRow{"setrlimit", SYS_setrlimit, answer_setrlimit, of_locks(0)},
    CallRow{"prlimit64", SYS_prlimit64, answer_prlimit, of_locks(1)},
    CallRow{"mmap", SYS_mmap, answer_mmap, with_bits(3, MAP_POPULATE)},
    CallRow{"mmap", SYS_mmap, answer_mmap, with_bits(3, MAP_LOCKED)},
    CallRow{"mmap",
            SYS_mmap,
            answer_mmap,
            with_bits(3, MAP_PRIVATE | MAP_ANONYMOUS),
            {},
            Mappings::kWait},
    CallRow{"brk", SYS_brk, answer_mapping, at_least(0, 1), {}, Mappings::kWait},
    CallRow{"mremap", SYS_mremap, answer_mapping, {}, {}, Mappings::kWait},
    CallRow{"userfaultfd", SYS_userfaultfd, answer_userfaultfd, {}, {}, Mappings::kWait},
    CallRow{"vmsplice", SYS_vmsplice, answer_pin, {}, {}, Mappings::kAndPinsWait},
    CallRow{"io_setup", SYS_io_setup, answer_pin, {}, {}, Mappings::kAndPinsWait},
    CallRow{"io_uring_setup", SYS_io_uring_setup, answer_pin, {}, {}, Mappings::kAndPinsWait},
    CallRow{"process_vm_writev",
            SYS_process_vm_writev,
            answer_write_to_process,
            {},
            {},
            Mappings::kAndPinsWait},
    CallRow{"mlock", SYS_mlock, answer_mlock},
    CallRow{"mlock2", SYS_mlock2, answer_mlock},
    CallRow{"mlockall", SYS_mlockall, answer_mlockall},
    CallRow{"madvise", SYS_madvise, answer_madvise, equal(2, MADV_POPULATE_READ)},
    CallRow{"madvise", SYS_madvise, answer_madvise, equal(2, MADV_POPULATE_WRITE)},
    CallRow{"read", SYS_read, answer_read, kLongRead},
    CallRow{"pread64", SYS_pread64, answer_read, kLongRead},
    CallRow{"ptrace", SYS_ptrace, answer_ptrace, OnlyWhere{0, UINT64_MAX, PTRACE_TRACEME}},
    CallRow{"ptrace", SYS_ptrace, answer_ptrace, OnlyWhere{0, UINT64_MAX, PTRACE_ATTACH}},
    CallRow{"ptrace", SYS_ptrace, answer_ptrace, OnlyWhere{0, UINT64_MAX, PTRACE_SEIZE}},
    CallRow{"fadvise64", SYS_fadvise64, answer_fadvise, equal(3, POSIX_FADV_DONTNEED)},
    CallRow{"swapon", SYS_swapon, answer_swapon},
    CallRow{"swapoff", SYS_swapoff, answer_swapoff},
    CallRow{"sync", SYS_sync, answer_sync},
    CallRow{"syncfs", SYS_syncfs, answer_syncfs},
    CallRow{"syslog", SYS_syslog, answer_syslog},
    CallRow{"sysinfo", SYS_sysinfo, answer_sysinfo},
    CallRow{"uname", SYS_uname, answer_uname},
    CallRow{"unshare", SYS_unshare, answer_unshare, OnlyWhere{0, CLONE_NEWCGROUP, CLONE_NEWCGROUP}},
    CallRow{"clone", SYS_clone, answer_clone},
    CallRow{"clone3", SYS_clone3, answer_clone3},
#ifdef SYS_fork
    CallRow{"fork", SYS_fork, answer_fork},
#endif
#ifdef SYS_vfork
    CallRow{"vfork", SYS_vfork, answer_fork},
#endif
};

}  // namespace

std::span<const CallRow> call_table() { return kTable; }

}  // namespace memcgfs::supervisor
