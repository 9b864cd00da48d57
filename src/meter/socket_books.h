// SPDX-License-Identifier: MIT
//
// The books of sockets: what the buffers of TCP and UDP sockets take is charged to the group of the
// process that made them (mem_cgroup_sk_alloc(), inet_csk_accept(), 6.1).
//
// Nothing tells of a new socket. It is looked for when something is read, as far as that keeps
// below a small part of a processor, and then belongs to the group of whoever is seen to have it.
// What a known socket takes is looked at for every read of its group or one above, so the value is
// as new as the read; a group that has none costs its readers nothing. DEVIATION(socket-memory).
//
// Threads: any. Locks: kMeter during a look; the engine's within it. Operations run with no lock.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/engine/engine.h"
#include "meter/socket_table.h"

namespace memcgfs::meter {

class SocketBooks {
public:
    /// References outlive it, and the runner's operations end before it does.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        OperationRunner& runner;
        const Clock& clock;  ///< runs at the speed of real time
        /// Those whose sockets are looked for. No lock is held.
        std::function<std::vector<std::int32_t>()> watched;
    };
    explicit SocketBooks(Parts parts) : parts_(std::move(parts)) {}
    SocketBooks(const SocketBooks&) = delete;
    SocketBooks& operator=(const SocketBooks&) = delete;

    /// The sockets that the process has now are its former group's affair: it comes into another.
    void leave_out(pid_t pid);
    /// What the group and those below show is being read: as of now, it is right.
    void read(engine::CgroupId group);
    void read_all();
    /// From time to time, whoever reads.
    void tick();

private:
    struct Socket {
        engine::CgroupId group{};  ///< none: nobody pays
        SocketTable::Socket seen{};
        NetNamespace space{};
        bool missed = false;  ///< by a listing that was not complete
    };
    struct Account {
        struct Charge {
            engine::KernelObjectId object{};
            std::uint64_t pages = 0;
        };
        std::vector<Charge> charges;
        std::uint64_t pending = 0;  ///< being charged
    };
    struct Space {
        std::optional<SocketTable> table;
        bool in_use = true;  ///< somebody who is watched is in it
    };
    using Cookie = std::uint64_t;

    void look(bool search) MEMCGFS_REQUIRES(looking_);
    /// Those that somebody pays for, as they are now. False: there are too many to ask for each.
    bool refresh() MEMCGFS_REQUIRES(looking_);
    void enter_spaces(const std::vector<std::int32_t>& pids) MEMCGFS_REQUIRES(looking_);
    void take_in(NetNamespace space, const SocketTable::Listing& listing)
        MEMCGFS_REQUIRES(looking_);
    void find_owners(const std::vector<std::int32_t>& pids) MEMCGFS_REQUIRES(looking_);
    engine::CgroupId payer(pid_t pid) MEMCGFS_REQUIRES(looking_);
    bool concerns(engine::CgroupId group) MEMCGFS_REQUIRES(looking_);
    /// The operations that charge what is new; what has gone is freed.
    struct Due {
        engine::CgroupId group{};
        std::uint64_t pages = 0;
        engine::OperationPtr operation;
    };
    std::vector<Due> balance() MEMCGFS_REQUIRES(looking_);
    /// How many, which may be more than wanted.
    std::uint64_t give_back(Account& account, std::uint64_t pages) MEMCGFS_REQUIRES(looking_);
    void pay(std::vector<Due> dues);

    Parts parts_;
    Mutex looking_{LockRank::kMeter};
    std::map<NetNamespace, Space> spaces_ MEMCGFS_GUARDED_BY(looking_);
    std::map<Cookie, Socket> known_ MEMCGFS_GUARDED_BY(looking_);
    /// Seen in a table, and with nobody yet: since when, and by which inode.
    struct Stray {
        SocketTable::Socket seen{};
        NetNamespace space{};
        Nanos since{};
    };
    std::map<Cookie, Stray> strays_ MEMCGFS_GUARDED_BY(looking_);
    std::set<std::uint64_t> left_out_ MEMCGFS_GUARDED_BY(looking_);  ///< inodes
    std::map<engine::CgroupId, Account> accounts_ MEMCGFS_GUARDED_BY(looking_);
    Nanos next_search_ MEMCGFS_GUARDED_BY(looking_){};
    Nanos next_tick_ MEMCGFS_GUARDED_BY(looking_){};
};

}  // namespace memcgfs::meter
