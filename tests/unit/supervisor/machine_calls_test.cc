// SPDX-License-Identifier: MIT
//
// Calls about the machine, by real processes under a real filter; the machine is scripted.
#include "memcgfs/supervisor/machine_calls.h"

#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <thread>

#include "supervised.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

class ScriptedMachine final : public MachineCalls {
public:
    ~ScriptedMachine() override {
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
    bool may_administer(pid_t) override { return root; }
    void swapon(const SwapRequest& request, const Reply& reply) override {
        seen[request.path] = request.flags;
        reply(request.file.valid() ? Result<std::int64_t>(0) : Err(request.missing));
    }
    void swapoff(const SwapRequest& request, const Reply& reply) override {
        // From another thread, while the supervisor's goes on.
        threads.emplace_back([reply, path = request.path] {
            reply(path == "/dev/full" ? Err(Errno::kENOMEM) : Result<std::int64_t>(0));
        });
    }
    void sync(std::function<void()> done) override {
        syncs++;
        threads.emplace_back(std::move(done));
    }
    std::optional<Result<LogText>> syslog(int type, std::size_t size) override {
        if (type == 2) {
            return std::nullopt;
        }
        const std::string text = std::string("the log").substr(0, size);
        return type == 3 ? Result<LogText>(LogText{text, static_cast<std::int64_t>(text.size())})
                         : Result<LogText>(Err(Errno::kEINVAL));
    }
    void read_log(std::size_t, LogReader reader) override {
        threads.emplace_back([reader = std::move(reader)] {
            if (reader.waits()) {
                reader.done({"late", 4});
            }
        });
    }
    MachineMemory memory() override {
        return {
            .total = 1ULL << 40U, .free = 5, .shared = 4, .buffers = 3, .swap = 2, .swap_free = 1};
    }
    std::string release() override { return told_release; }

    bool root = true;
    std::map<std::string, int> seen;
    int syncs = 0;
    std::string told_release;
    std::vector<std::thread> threads;
};

struct World {
    World() { supervised.answers.machine_calls = &machine; }
    ScriptedMachine machine;
    Supervised supervised;
};

TEST_CASE("swapon and swapoff are the machine's", "[supervisor][machine]") {
    World world;
    CHECK(world.supervised.run([] {
        const bool on = swapon("/dev/null", SWAP_FLAG_PREFER | 7) == 0 && chdir("/dev") == 0 &&
                        swapon("./zero", 0) == 0 && swapon("/no/such", 0) == -1 &&
                        errno == ENOENT && swapon("", 0) == -1 && errno == ENOENT;
        const bool wrong = swapon("/dev/null", 1 << 30) == -1 && errno == EINVAL &&
                           swapon(nullptr, 0) == -1 && errno == EFAULT;
        const bool off = swapoff("/dev/null") == 0 && swapoff("/dev/full") == -1 && errno == ENOMEM;
        return (on ? 0 : 1) + (wrong ? 0 : 2) + (off ? 0 : 4);
    }) == 0);
    CHECK(world.machine.seen.at("/dev/null") == (SWAP_FLAG_PREFER | 7));
    CHECK(world.machine.seen.contains("/dev/zero"));
}

TEST_CASE("who may not administer the machine is told so", "[supervisor][machine]") {
    World world;
    world.machine.root = false;
    CHECK(world.supervised.run([] {
        char text[8];
        return swapon("/dev/null", 0) == -1 && errno == EPERM && swapoff("/dev/null") == -1 &&
                       errno == EPERM && klogctl(3, text, sizeof(text)) == -1 && errno == EPERM &&
                       swapon("/dev/null", 1 << 30) == -1 && errno == EINVAL
                   ? 0
                   : 1;
    }) == 0);
}

TEST_CASE("sync waits for the machine, and goes on", "[supervisor][machine]") {
    World world;
    CHECK(world.supervised.run([] {
        sync();
        const int file = memfd_create("file", 0);
        return syncfs(file) == 0 && syncfs(-1) == -1 && errno == EBADF ? 0 : 1;
    }) == 0);
    CHECK(world.machine.syncs == 2);
}

TEST_CASE("the log is read at once, or when there is something", "[supervisor][machine]") {
    World world;
    CHECK(world.supervised.run([] {
        char text[8]{};
        const bool all = klogctl(3, text, 6) == 6 && std::memcmp(text, "the lo", 7) == 0;
        const bool late = klogctl(2, text, 8) == 4 && std::memcmp(text, "latelo", 6) == 0;
        const bool wrong = klogctl(3, nullptr, 8) == -1 && errno == EINVAL &&
                           klogctl(3, text, -1) == -1 && errno == EINVAL &&
                           klogctl(3, text, 0) == 0 && klogctl(99, text, 8) == -1 &&
                           errno == EINVAL;
        return (all ? 0 : 1) + (late ? 0 : 2) + (wrong ? 0 : 4);
    }) == 0);
}

TEST_CASE("sysinfo has the machine's memory, and the host's time", "[supervisor][machine]") {
    World world;
    struct sysinfo before{};
    REQUIRE(sysinfo(&before) == 0);
    CHECK(world.supervised.run([&] {
        struct sysinfo now{};
        return sysinfo(&now) == 0 && now.totalram == 1UL << 40U && now.freeram == 5 &&
                       now.sharedram == 4 && now.bufferram == 3 && now.totalswap == 2 &&
                       now.freeswap == 1 && now.mem_unit == 1 && now.uptime >= before.uptime
                   ? 0
                   : 1;
    }) == 0);
}

TEST_CASE("the release is told where it is asked for", "[supervisor][machine]") {
    World world;
    struct utsname host{};
    REQUIRE(uname(&host) == 0);
    const auto release = [&] {
        return world.supervised.run([&] {
            struct utsname now{};
            const bool rest = uname(&now) == 0 && std::strcmp(now.nodename, host.nodename) == 0;
            const bool same = std::strcmp(now.release, host.release) == 0;
            return (rest ? 0 : 1) + (same ? 0 : 2) +
                   (std::strcmp(now.release, "6.1.0-test") == 0 ? 4 : 0);
        });
    };
    CHECK(release() == 0);
    world.machine.told_release = "6.1.0-test";
    CHECK(release() == 6);
}

}  // namespace
}  // namespace memcgfs::supervisor
