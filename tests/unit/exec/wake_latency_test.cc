// SPDX-License-Identifier: MIT
#include "memcgfs/exec/wake_latency.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

/// Moves only when told, and may be told by another thread.
class SharedClock final : public Clock {
public:
    Nanos now() const override { return Nanos{nanos}; }
    std::atomic<std::int64_t> nanos = 1'000'000'000;
};

/// A pipe in the place of the kernel's file.
struct Asked {
    Asked() {
        std::array<int, 2> ends{};
        REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
        read_end = UniqueFd(ends[0]);
        write_end = UniqueFd(ends[1]);
        latency.emplace(clock, [this] { return std::move(write_end); });
    }
    void stir(std::uint32_t times, Nanos apart) {
        for (std::uint32_t i = 0; i < times; ++i) {
            clock.nanos += apart.count();
            latency->stir();
        }
    }
    /// Waits for it.
    std::int32_t next() {
        std::int32_t microseconds = 12345;
        REQUIRE(read(read_end.get(), &microseconds, sizeof microseconds) == sizeof microseconds);
        return microseconds;
    }
    bool nothing() {
        pollfd asked{read_end.get(), POLLIN, 0};
        return poll(&asked, 1, 0) == 0;
    }
    SharedClock clock;
    UniqueFd read_end;
    UniqueFd write_end;
    std::optional<WakeLatency> latency;
};

TEST_CASE("CPUs are kept awake for a burst of requests, and no longer", "[exec]") {
    Asked asked;
    asked.stir(WakeLatency::kBurst, WakeLatency::kClose);
    CHECK(asked.next() == 0);
    asked.clock.nanos += from_millis(1000).count();
    CHECK(asked.next() == -1);
    asked.stir(WakeLatency::kBurst, WakeLatency::kClose);
    CHECK(asked.next() == 0);
}

TEST_CASE("CPUs may sleep between requests that come now and then", "[exec]") {
    Asked asked;
    asked.stir(10 * WakeLatency::kBurst, WakeLatency::kClose + Nanos{1});
    asked.stir(WakeLatency::kBurst - 2, WakeLatency::kClose);
    asked.latency.reset();
    CHECK(asked.nothing());
}

TEST_CASE("who ends in a burst asks for nothing any more", "[exec]") {
    Asked asked;
    asked.stir(WakeLatency::kBurst, Nanos{1});
    CHECK(asked.next() == 0);
    CHECK(asked.nothing());
    asked.latency.reset();
    CHECK(asked.next() == -1);
}

TEST_CASE("without the kernel's file nothing is asked for", "[exec]") {
    SharedClock clock;
    std::atomic<int> opened = 0;
    {
        WakeLatency latency(clock, [&opened] {
            opened++;
            return UniqueFd();
        });
        for (int i = 0; i < 100; ++i) {
            latency.stir();
        }
    }
    CHECK(opened == 1);
    WakeLatency(clock, {}).stir();
}

}  // namespace
}  // namespace memcgfs::exec
