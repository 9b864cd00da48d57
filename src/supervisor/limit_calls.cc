// SPDX-License-Identifier: MIT
//
// DEVIATION(limit-of-locks): the limit of file locks, RLIMIT_LOCKS: the kernel ignores it, and
// memberships are kept in it. Who sets all limits, as su(1) does, must not lose his group.
#include <sys/resource.h>
#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <optional>

#include "supervisor/call_table.h"

namespace memcgfs::supervisor {
namespace {

/// struct rlimit64, which is struct rlimit where these calls are.
struct LockLimit {
    std::uint64_t soft = RLIM64_INFINITY;
    std::uint64_t hard = RLIM64_INFINITY;
};

/// What is wrong with the limit at `address`, if anything; it is not kept.
std::optional<Errno> refusal(const Call& call, std::uint64_t address) {
    LockLimit limit;
    if (!call.read(address, std::as_writable_bytes(std::span(&limit, 1)))) {
        return Errno::kEFAULT;
    }
    return limit.soft > limit.hard ? std::optional(Errno::kEINVAL) : std::nullopt;
}

/// Tells that there is no limit.
Answer tell(const Call& call, std::uint64_t address) {
    const LockLimit none;
    return call.write(address, std::as_bytes(std::span(&none, 1))) ? Answer::value(0)
                                                                   : Answer::failed(Errno::kEFAULT);
}

}  // namespace

Answer answer_getrlimit(const Call& call, CallAnswers&) { return tell(call, call.argument(1)); }

Answer answer_setrlimit(const Call& call, CallAnswers&) {
    const auto error = refusal(call, call.argument(1));
    return error ? Answer::failed(*error) : Answer::value(0);
}

Answer answer_prlimit(const Call& call, CallAnswers&) {
    const std::uint64_t wanted = call.argument(2);
    const std::uint64_t told = call.argument(3);
    if (const auto error = wanted != 0 ? refusal(call, wanted) : std::nullopt) {
        return Answer::failed(*error);
    }
    const pid_t pid = call.int_argument(0);
    if (pid < 0 || (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)) {
        return Answer::failed(Errno::kESRCH);
    }
    return told != 0 ? tell(call, told) : Answer::value(0);
}

}  // namespace memcgfs::supervisor
