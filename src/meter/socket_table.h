// SPDX-License-Identifier: MIT
//
// The TCP and UDP sockets of a network namespace and what their buffers take (sock_diag(7)).
//
// Threads: any, one at a time; no locks.
#pragma once

#include <linux/inet_diag.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "memcgfs/base/units.h"

namespace memcgfs::meter {

/// Names a network namespace while it exists.
struct NetNamespace {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    auto operator<=>(const NetNamespace&) const = default;
};
/// That of a process; nothing of one that has gone or may not be looked at.
std::optional<NetNamespace> net_namespace_of(pid_t pid);

/// The inodes of the sockets that the process has descriptors of, of whatever kind they are.
std::vector<std::uint64_t> socket_inodes_of(pid_t pid);

class SocketTable {
public:
    /// Of the namespace that the process is in. Nothing: it may not be entered (setns(2)), or the
    /// kernel tells nothing. Keeps the namespace in existence.
    static std::optional<SocketTable> open(pid_t pid);
    SocketTable(SocketTable&& other) noexcept;
    SocketTable& operator=(SocketTable&& other) noexcept;
    ~SocketTable();

    struct Socket {
        std::uint64_t cookie = 0;  ///< names it for good
        std::uint64_t inode = 0;   ///< 0: no descriptor is open any more, or none yet (accept(2))
        Pages pages{};             ///< charged for it: its queues, and what it has ahead
        bool is_tcp = false;
        std::uint8_t family = 0;
        inet_diag_sockid id{};  ///< its addresses
    };
    struct Listing {
        std::vector<Socket> sockets;
        /// Else some may be missing that came or went meanwhile.
        bool complete = true;
    };
    /// Goes through all of the kernel's table.
    Listing list() const;
    Listing list_udp() const;
    /// A TCP socket as it is now; does not go through the table. Nothing: it has gone.
    std::optional<Socket> find(const Socket& socket) const;

private:
    explicit SocketTable(int netlink) : netlink_(netlink) {}
    void ask(const void* request, std::size_t request_size, Listing& listing) const;

    int netlink_;
};

}  // namespace memcgfs::meter
