// SPDX-License-Identifier: MIT
#include "memcgfs/runner/host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "child.h"
#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

using test::fork_body;
using test::wait_status;

/// The errno of the finding whose name begins so; -1: there is none.
int error_of(std::string_view beginning) {
    const auto findings = examine_host();
    const auto found = std::find_if(
        findings.begin(), findings.end(),
        [beginning](const HostFinding& each) { return each.what.starts_with(beginning); });
    return found == findings.end() ? -1 : found->error;
}

/// From now on `call` fails with `error` in this process and its children.
bool forbid(int call, int error) {
    std::array<sock_filter, 4> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{filter.size(), filter.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

TEST_CASE("a host that runs the other tests lacks nothing essential", "[runner][host]") {
    if (!test::host_can_run()) {
        WARN("this host has no FUSE or no namespaces: not tested");
        return;
    }
    for (const HostFinding& each : examine_host()) {
        INFO(each.what);
        CHECK((each.error == 0 || !each.essential));
        CHECK(each.without.ends_with('.'));
    }
}

TEST_CASE("what a host forbids is found", "[runner][host]") {
    struct Forbidden {
        int call;
        std::string_view what;
    };
    for (const Forbidden& each :
         {Forbidden{SYS_process_vm_readv, "reading memory"}, Forbidden{SYS_prlimit64, "limits"},
          Forbidden{SYS_pidfd_getfd, "taking descriptors"}, Forbidden{SYS_fsopen, "mounts that"},
          Forbidden{SYS_ptrace, "tracing of"}, Forbidden{SYS_perf_event_open, "counting page"},
          Forbidden{SYS_mount, "mounting in"}, Forbidden{SYS_unshare, "namespaces"}}) {
        INFO(each.what);
        CHECK(wait_status(fork_body([&each] {
                  return forbid(each.call, EXFULL) ? error_of(each.what) : 0;
              })) == EXFULL);
    }
}

TEST_CASE("a second filter that answers is found", "[runner][host]") {
    CHECK(wait_status(fork_body([] {
              std::array<sock_filter, 1> allow{{BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
              const sock_fprog program{allow.size(), allow.data()};
              if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                          &program) < 0) {
                  return 0;
              }
              return error_of("answering");
          })) == EBUSY);
}

}  // namespace
}  // namespace memcgfs::runner
