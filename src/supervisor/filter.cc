// SPDX-License-Identifier: MIT
#include "memcgfs/supervisor/filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "supervisor/call_table.h"
#include "supervisor/passing_opens.h"

// Linux 5.19; Debian 12's headers have it, its libseccomp does not use it.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace memcgfs::supervisor {
namespace {

Failed<std::string> failure(const char* what, int error) {
    return Failed<std::string>{std::string(what) + " (" + std::strerror(error) + ")"};
}

int add_row(scmp_filter_ctx context, const CallRow& row) {
    std::array<scmp_arg_cmp, 2> where{};
    unsigned conditions = 0;
    for (const auto& only : {row.only, row.also}) {
        if (only) {
            where[conditions++] =
                only->mask != 0
                    ? scmp_arg_cmp{only->argument, SCMP_CMP_MASKED_EQ, only->mask, only->value}
                    : scmp_arg_cmp{only->argument, SCMP_CMP_GE, only->value, 0};
        }
    }
    return seccomp_rule_add_array(context, SCMP_ACT_NOTIFY, row.number, conditions, where.data());
}

/// What libseccomp makes of the table, as seccomp(2) takes it.
Result<std::vector<sock_filter>, std::string> make_program(Mappings mappings) {
    const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(seccomp_init(SCMP_ACT_ALLOW),
                                                                   seccomp_release);
    if (!context) {
        return failure("libseccomp cannot start", ENOMEM);
    }
    // DEVIATION(other-architectures): else a 32-bit program's first call would be its last.
    int error = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
    for (const CallRow& row : call_table()) {
        if (error == 0 && row.since <= mappings) {
            error = add_row(context.get(), row);
        }
    }
    const runner::UniqueFd file(memfd_create("filter", MFD_CLOEXEC));
    error = error != 0 ? error : seccomp_export_bpf(context.get(), file.get());
    const off_t size = lseek(file.get(), 0, SEEK_END);
    if (error != 0 || size <= 0) {
        return failure("libseccomp makes no filter", -error);
    }
    std::vector<sock_filter> program = passing_opens();
    const std::size_t before = program.size();
    program.resize(before + static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (pread(file.get(), &program[before], static_cast<std::size_t>(size), 0) != size) {
        return failure("cannot read the filter back", errno);
    }
    return program;
}

int load(std::vector<sock_filter>& program, unsigned long flags) {
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

}  // namespace

Result<runner::UniqueFd, std::string> install_filter(Mappings mappings) {
    auto program = MEMCGFS_TRY(make_program(mappings));
    // DEVIATION(caught-signal): one that comes while a call is being answered waits for the answer;
    // before 5.19, and until the call is taken up, it does not.
    constexpr std::array<unsigned long, 2> kFlags = {
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
        SECCOMP_FILTER_FLAG_NEW_LISTENER};
    int error = 0;
    for (const unsigned long flags : kFlags) {
        if (const int listener = load(program, flags); listener >= 0) {
            return runner::UniqueFd(listener);
        }
        error = errno;
        if (error == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
            if (const int listener = load(program, flags); listener >= 0) {
                return runner::UniqueFd(listener);
            }
            error = errno;
        }
        if (error != EINVAL || mappings != Mappings::kPass) {
            break;
        }
    }
    if (error == EBUSY) {
        return Failed<std::string>{
            "another supervisor of system calls is at work (a 'memcgfs run' "
            "outside, or a container runtime's)"};
    }
    if (error == EINVAL && mappings != Mappings::kPass) {
        // A thread that is to stop at its call's end would otherwise never begin it.
        return Failed<std::string>{"page faults that wait (--charge exact) need Linux 5.19"};
    }
    return failure("this kernel takes no filter of system calls", error);
}

}  // namespace memcgfs::supervisor
