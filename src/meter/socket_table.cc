// SPDX-License-Identifier: MIT
#include "meter/socket_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

namespace memcgfs::meter {

namespace {

constexpr std::uint8_t kMemory = 1U << (INET_DIAG_SKMEMINFO - 1U);
/// All but listening ones, which have no buffers (TCP_LISTEN, linux/tcp_states.h).
constexpr std::uint32_t kStates = ~(1U << 10U);

int open_netlink() {
    const int file = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    // A kernel that never answers shall not stop the one who asks.
    const timeval patience{.tv_sec = 1, .tv_usec = 0};
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return file;
}

/// A namespace is a thread's, and a netlink socket's that of who made it.
int open_netlink_of(pid_t pid) {
    int file = -1;
    std::thread([pid, &file] {
        const int space = ::open(fmt::format("/proc/{}/ns/net", pid).c_str(), O_RDONLY | O_CLOEXEC);
        if (space >= 0 && setns(space, CLONE_NEWNET) == 0) {
            file = open_netlink();
        }
        if (space >= 0) {
            close(space);
        }
    }).join();
    return file;
}

/// Of all that is charged nothing is counted twice, nor left out: bytes that wait to be read
/// (rmem_alloc) or to be acknowledged (wmem_queued), and the rest of the pages that those are
/// taken from (fwd_alloc). sk_mem_charge(), sk_mem_uncharge() (include/net/sock.h, 6.1).
Pages pages_of(const std::uint32_t* meminfo) {
    const std::uint64_t bytes = std::uint64_t{meminfo[SK_MEMINFO_RMEM_ALLOC]} +
                                meminfo[SK_MEMINFO_WMEM_QUEUED] + meminfo[SK_MEMINFO_FWD_ALLOC];
    return Pages{(bytes + kPageSize - 1) / kPageSize};
}

SocketTable::Socket parse(nlmsghdr* header) {
    inet_diag_msg message{};
    char* const data = reinterpret_cast<char*>(header) + NLMSG_HDRLEN;
    std::memcpy(&message, data, sizeof message);
    SocketTable::Socket socket;
    socket.cookie = std::uint64_t{message.id.idiag_cookie[1]} << 32U | message.id.idiag_cookie[0];
    socket.inode = message.idiag_inode;
    socket.family = message.idiag_family;
    socket.id = message.id;
    auto* attribute = reinterpret_cast<rtattr*>(data + NLMSG_ALIGN(sizeof message));
    auto left = static_cast<int>(header->nlmsg_len - NLMSG_LENGTH(sizeof message));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        std::array<std::uint32_t, SK_MEMINFO_VARS> meminfo{};
        if (attribute->rta_type == INET_DIAG_SKMEMINFO) {
            std::memcpy(meminfo.data(), RTA_DATA(attribute),
                        std::min<std::size_t>(sizeof meminfo, RTA_PAYLOAD(attribute)));
            socket.pages = pages_of(meminfo.data());
        }
    }
    return socket;
}

struct Request {
    nlmsghdr header{};
    inet_diag_req_v2 wanted{};
};

Request request_of(std::uint8_t family, std::uint8_t protocol) {
    Request request;
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.wanted.sdiag_family = family;
    request.wanted.sdiag_protocol = protocol;
    request.wanted.idiag_ext = kMemory;
    request.wanted.idiag_states = kStates;
    return request;
}

}  // namespace

std::optional<NetNamespace> net_namespace_of(pid_t pid) {
    struct stat info{};
    if (stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &info) != 0) {
        return std::nullopt;
    }
    return NetNamespace{info.st_dev, info.st_ino};
}

std::vector<std::uint64_t> socket_inodes_of(pid_t pid) {
    constexpr std::string_view kSocket = "socket:[";
    std::vector<std::uint64_t> inodes;
    DIR* const directory = opendir(fmt::format("/proc/{}/fd", pid).c_str());
    if (directory == nullptr) {
        return inodes;
    }
    while (const dirent* const entry = readdir(directory)) {
        std::array<char, 64> link{};
        const ssize_t size =
            readlinkat(dirfd(directory), entry->d_name, link.data(), link.size() - 1);
        if (size > 0 && std::string_view(link.data()).starts_with(kSocket)) {
            inodes.push_back(std::strtoull(link.data() + kSocket.size(), nullptr, 10));
        }
    }
    closedir(directory);
    return inodes;
}

std::optional<SocketTable> SocketTable::open(pid_t pid) {
    const auto wanted = net_namespace_of(pid);
    const bool own = wanted && wanted == net_namespace_of(getpid());
    const int file = own ? open_netlink() : open_netlink_of(pid);
    return file >= 0 ? std::optional(SocketTable(file)) : std::nullopt;
}

SocketTable::SocketTable(SocketTable&& other) noexcept
    : netlink_(std::exchange(other.netlink_, -1)) {}

SocketTable& SocketTable::operator=(SocketTable&& other) noexcept {
    std::swap(netlink_, other.netlink_);
    return *this;
}

SocketTable::~SocketTable() {
    if (netlink_ >= 0) {
        close(netlink_);
    }
}

SocketTable::Listing SocketTable::list() const {
    Listing listing;
    // The old question is about both families: to go through all of TCP takes half a millisecond.
    struct {
        nlmsghdr header{};
        inet_diag_req wanted{};
    } tcp;
    tcp.header = {.nlmsg_len = sizeof tcp,
                  .nlmsg_type = TCPDIAG_GETSOCK,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                  .nlmsg_seq = 0,
                  .nlmsg_pid = 0};
    tcp.wanted.idiag_ext = kMemory;
    tcp.wanted.idiag_states = kStates;
    ask(&tcp, sizeof tcp, listing);
    for (Socket& socket : listing.sockets) {
        socket.is_tcp = true;
    }
    const Listing udp = list_udp();
    listing.sockets.insert(listing.sockets.end(), udp.sockets.begin(), udp.sockets.end());
    listing.complete = listing.complete && udp.complete;
    return listing;
}

SocketTable::Listing SocketTable::list_udp() const {
    Listing listing;
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        Request request = request_of(family, IPPROTO_UDP);
        request.header.nlmsg_flags |= NLM_F_DUMP;
        ask(&request, sizeof request, listing);
    }
    return listing;
}

std::optional<SocketTable::Socket> SocketTable::find(const Socket& socket) const {
    Request request = request_of(socket.family, IPPROTO_TCP);
    request.wanted.id = socket.id;
    alignas(nlmsghdr) std::array<char, 4096> answer{};
    if (send(netlink_, &request, sizeof request, 0) < 0) {
        return std::nullopt;
    }
    const ssize_t size = recv(netlink_, answer.data(), answer.size(), 0);
    auto* const header = reinterpret_cast<nlmsghdr*>(answer.data());
    if (size <= 0 || !NLMSG_OK(header, static_cast<std::uint32_t>(size)) ||
        header->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
        return std::nullopt;
    }
    Socket found = parse(header);
    found.is_tcp = true;
    return found;
}

void SocketTable::ask(const void* request, std::size_t request_size, Listing& listing) const {
    if (send(netlink_, request, request_size, 0) < 0) {
        listing.complete = false;
        return;
    }
    alignas(nlmsghdr) std::array<char, 1 << 16> answer{};
    for (int datagrams = 0;; ++datagrams) {
        const ssize_t size = recv(netlink_, answer.data(), answer.size(), 0);
        if (size <= 0) {
            listing.complete = false;
            return;
        }
        auto left = static_cast<std::uint32_t>(size);
        for (auto* header = reinterpret_cast<nlmsghdr*>(answer.data()); NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            // ENOENT is an answer: a kernel without this protocol has no sockets of it.
            if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
                return;
            }
            listing.sockets.push_back(parse(header));
            listing.complete = listing.complete && datagrams == 0;
        }
    }
}

}  // namespace memcgfs::meter
