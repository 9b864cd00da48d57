// SPDX-License-Identifier: MIT
#include "runner/messages.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "memcgfs/base/assert.h"

namespace memcgfs::runner {
namespace {

constexpr std::size_t kDescriptorsMost = 4;
constexpr std::size_t kTextMost = 8192;
using Control = std::array<char, CMSG_SPACE(kDescriptorsMost * sizeof(int))>;

}  // namespace

bool send_message(int socket, std::string_view text, std::span<const int> descriptors) {
    MEMCGFS_ASSERT(descriptors.size() <= kDescriptorsMost);
    std::string content(text);
    iovec part{content.data(), content.size()};
    alignas(cmsghdr) Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = -1;
    while ((sent = sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
    }
    return sent >= 0;
}

Message receive_message(int socket) {
    std::string buffer(kTextMost, '\0');
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t length = -1;
    while ((length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    Message received;
    const cmsghdr* const header = length > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        std::array<int, kDescriptorsMost> numbers{};
        const std::size_t bytes = header->cmsg_len - CMSG_LEN(0);
        std::memcpy(numbers.data(), CMSG_DATA(header), bytes);
        for (std::size_t i = 0; i < bytes / sizeof(int); i++) {
            received.descriptors.emplace_back(numbers[i]);
        }
    }
    buffer.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    received.text = std::move(buffer);
    return received;
}

}  // namespace memcgfs::runner
