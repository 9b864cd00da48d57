// SPDX-License-Identifier: MIT
//
// What the sockets of real processes are charged.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "followed.h"
#include "meter/socket_table.h"
#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

/// Two TCP sockets that are connected with each other, made by whoever makes this.
struct Connection {
    Connection() {
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        bind(listener, reinterpret_cast<sockaddr*>(&address), size);
        listen(listener, 1);
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connect(client, reinterpret_cast<sockaddr*>(&address), size);
        server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        close(listener);
    }
    /// Until nothing more goes.
    void fill() const {
        static const std::array<char, 1 << 16> kBytes{};
        while (send(server, kBytes.data(), kBytes.size(), MSG_DONTWAIT) > 0) {
        }
    }
    void drain() const {
        static std::array<char, 1 << 16> bytes{};
        // What is on its way has come when nothing comes for so long.
        pollfd wanted{client, POLLIN, 0};
        while (poll(&wanted, 1, 100) > 0) {
            static_cast<void>(recv(client, bytes.data(), bytes.size(), MSG_DONTWAIT));
        }
    }
    int client = -1;
    int server = -1;
};

/// What the kernel says that the two take.
Pages taken_by(pid_t pid) {
    Pages sum{};
    const auto inodes = socket_inodes_of(pid);
    for (const auto& socket : SocketTable::open(pid)->list().sockets) {
        if (std::find(inodes.begin(), inodes.end(), socket.inode) != inodes.end()) {
            sum += socket.pages;
        }
    }
    return sum;
}

Pages sock(World& world, engine::Cgroup* group) {
    world.follower->settle(group->id);
    const MutexLock lock(world.engine_mutex);
    return Pages{static_cast<std::uint64_t>(group->memcg->stat_total(engine::StatItem::kSock))};
}

Pages current(World& world) {
    const MutexLock lock(world.engine_mutex);
    return world.group->memcg->memory.usage();
}

TEST_CASE("bytes that wait in sockets are charged to the group of who has made them") {
    const auto tier = GENERATE(Tier::kTimer, Tier::kEvent);
    World world(engine::Layout::kV2, tier);
    engine::Cgroup* const other = world.make_group("b");
    Signal told;
    Signal more;
    const pid_t child = world.start([&] {
        const Connection connection;
        connection.fill();
        told.give();
        more.take();
        connection.drain();
        told.give();
        more.take();
    });
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return sock(world, world.group) > mib(1); }));
    CHECK(world.becomes([&] { return sock(world, world.group) == taken_by(child); }));
    CHECK(sock(world, other) == Pages{0});
    // The rest is a little anonymous memory, and what a CPU has taken in advance.
    CHECK(current(world) >= sock(world, world.group));
    CHECK(current(world) < sock(world, world.group) + mib(1));

    more.give();
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return sock(world, world.group) < Pages{16}; }));
    more.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return sock(world, world.group) == Pages{0}; }));
    const MutexLock lock(world.engine_mutex);
    world.engine.check_invariants();
}

TEST_CASE("what a known socket takes is as new as the read") {
    World world;
    Signal told;
    Signal more;
    Signal end;
    const pid_t child = world.start([&] {
        const Connection connection;
        connection.fill();
        told.give();
        more.take();
        close(connection.server);
        close(connection.client);
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return sock(world, world.group) == taken_by(child); }));
    CHECK(sock(world, world.group) > mib(1));
    more.give();
    REQUIRE(told.comes());
    // Both are closed with bytes unread: a reset ends them at once.
    CHECK(sock(world, world.group) == Pages{0});
    end.give();
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("sockets from before a process came into its group are not the group's") {
    World world;
    Signal told;
    Signal more;
    Signal end;
    const Connection before;  // the child has them, too
    before.fill();
    const pid_t child = world.start([&] {
        told.give();
        more.take();
        const Connection connection;
        connection.fill();
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    CHECK(taken_by(child) > mib(1));
    CHECK(sock(world, world.group) == Pages{0});
    more.give();
    REQUIRE(told.comes());
    CHECK(world.becomes([&] {
        return sock(world, world.group) > Pages{0} &&
               sock(world, world.group) + taken_by(getpid()) == taken_by(child);
    }));
    end.give();
    CHECK(world.wait_for(child) == 0);
    close(before.client);
    close(before.server);
}

/// A new network namespace has it, but down.
void bring_loopback_up() {
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name);
    const int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ioctl(file, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    ioctl(file, SIOCSIFFLAGS, &request);
    close(file);
}

void send_to_oneself() {
    const int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(receiver, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(receiver, reinterpret_cast<sockaddr*>(&address), &size);
    static const std::array<char, 4000> kBytes{};
    for (int i = 0; i < 20; ++i) {
        sendto(receiver, kBytes.data(), kBytes.size(), 0, reinterpret_cast<sockaddr*>(&address),
               size);
    }
}

TEST_CASE("datagrams count, in other network namespaces as well") {
    const bool elsewhere = GENERATE(false, true);
    if (elsewhere && geteuid() != 0) {
        WARN("who is not root cannot try it");
        return;
    }
    World world;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        if (elsewhere && unshare(CLONE_NEWNET) == 0) {
            bring_loopback_up();
        }
        send_to_oneself();
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    CHECK((net_namespace_of(child) != net_namespace_of(getpid())) == elsewhere);
    CHECK(taken_by(child) >= Pages{20});
    CHECK(world.becomes([&] { return sock(world, world.group) == taken_by(child); }));
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return sock(world, world.group) == Pages{0}; }));
}

TEST_CASE("in v1 sockets count apart, and only once they have a limit") {
    const bool has_limit = GENERATE(false, true);
    World world(engine::Layout::kV1);
    if (has_limit) {
        const MutexLock lock(world.engine_mutex);
        world.group->memcg->tcp_accounted = true;  // as the write does
    }
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        send_to_oneself();
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    const auto used = [&] {
        world.follower->settle(world.group->id);
        const MutexLock lock(world.engine_mutex);
        return world.group->memcg->tcpmem().usage();
    };
    if (has_limit) {
        CHECK(world.becomes([&] { return used() == taken_by(child); }));
        CHECK(used() >= Pages{20});
    } else {
        for (int look = 0; look < 100; ++look) {  // long enough to be looked for
            poll(nullptr, 0, 1);
            REQUIRE(used() == Pages{0});
        }
    }
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return used() == Pages{0}; }));
}

}  // namespace
}  // namespace memcgfs::meter
