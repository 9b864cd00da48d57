// SPDX-License-Identifier: MIT
//
// fork(2) and its like: pids.max may refuse them, and clone3(2) may name a group. unshare(2) of the
// cgroup namespace, which they can make, too.
#include <linux/sched.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {
namespace {

Answer answer_for(const ForkRequest& request, CallAnswers& answers) {
    const Result<void> granted = answers.may_fork(request);
    return granted.ok() ? Answer::go_on() : Answer::failed(granted.error());
}

ForkRequest request_for(const Call& call, std::uint64_t flags) {
    return {.caller = call.caller(),
            .thread = (flags & CLONE_THREAD) != 0,
            .cgroup_namespace = (flags & CLONE_NEWCGROUP) != 0,
            .into = {}};
}

}  // namespace

Answer answer_unshare(const Call& call, CallAnswers& answers) {
    answers.makes_cgroup_namespace(call.caller());
    return Answer::go_on();
}

Answer answer_fork(const Call& call, CallAnswers& answers) {
    return answer_for({.caller = call.caller(), .into = {}}, answers);
}

Answer answer_clone(const Call& call, CallAnswers& answers) {
    return answer_for(request_for(call, call.argument(0)), answers);
}

Answer answer_clone3(const Call& call, CallAnswers& answers) {
    // Fields at the end came later (clone3(2)); what a caller does not have is 0.
    clone_args arguments{};
    const std::size_t size = std::min<std::size_t>(call.argument(1), sizeof(arguments));
    if (!call.read(call.argument(0),
                   std::as_writable_bytes(std::span(&arguments, 1)).first(size))) {
        return Answer::go_on();
    }
    ForkRequest request = request_for(call, arguments.flags);
    if ((arguments.flags & CLONE_INTO_CGROUP) == 0) {
        return answer_for(request, answers);
    }
    const runner::UniqueFd group = call.open_descriptor(static_cast<int>(arguments.cgroup));
    struct stat status{};
    if (!group.valid() || fstat(group.get(), &status) != 0 || !answers.is_tree(status.st_dev)) {
        return Answer::go_on();  // EBADF
    }
    request.into = fuse_node_of(group.get());
    if (!request.into) {
        return Answer::failed(Errno::kEBADF);
    }
    if (const Result<void> granted = answers.may_fork(request); !granted.ok()) {
        return Answer::failed(granted.error());
    }
    // The kernel knows no groups of ours: it shall not look.
    arguments.flags &= ~std::uint64_t{CLONE_INTO_CGROUP};
    const std::uint64_t flags = arguments.flags;
    return call.write(call.argument(0) + offsetof(clone_args, flags),
                      std::as_bytes(std::span(&flags, 1)))
               ? Answer::go_on()
               : Answer::failed(Errno::kEFAULT);
}

}  // namespace memcgfs::supervisor
