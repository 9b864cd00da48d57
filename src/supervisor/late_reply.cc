// SPDX-License-Identifier: MIT
#include "supervisor/late_reply.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace memcgfs::supervisor {
namespace {

/// This kernel's answer may be longer than the header's.
std::size_t response_size() {
    seccomp_notif_sizes sizes{};
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
        return sizeof(seccomp_notif_resp);
    }
    return std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp));
}

}  // namespace

std::shared_ptr<LateCall> LateCall::of(const Call& call) {
    runner::UniqueFd listener(fcntl(call.listener(), F_DUPFD_CLOEXEC, 0));
    return listener.valid() ? std::shared_ptr<LateCall>(new LateCall(call, std::move(listener)))
                            : nullptr;
}

void LateCall::answer(const Result<std::int64_t>& result) const {
    seccomp_notif_resp response{};
    response.id = call_.id();
    response.val = result.ok() ? *result : 0;
    response.error = result.ok() ? 0 : -to_int(result.error());
    send(response);
}

void LateCall::go_on() const {
    seccomp_notif_resp response{};
    response.id = call_.id();
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    send(response);
}

void LateCall::send(const seccomp_notif_resp& response) const {
    std::vector<std::byte> bytes(response_size());
    std::memcpy(bytes.data(), &response, sizeof(response));
    ioctl(call_.listener(), SECCOMP_IOCTL_NOTIF_SEND, bytes.data());  // ENOENT: killed meanwhile
}

Answer answer_later(const Call& call, const std::function<void(const Reply&)>& hand_on) {
    const std::shared_ptr<LateCall> late = LateCall::of(call);
    if (late == nullptr) {
        return Answer::failed(Errno::kENOMEM);
    }
    hand_on([late](const Result<std::int64_t>& result) { late->answer(result); });
    return Answer::given_later();
}

}  // namespace memcgfs::supervisor
