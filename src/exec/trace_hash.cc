// SPDX-License-Identifier: MIT
#include "memcgfs/exec/trace_hash.h"

#include <algorithm>

#include "memcgfs/base/assert.h"

namespace memcgfs::exec {

namespace {

constexpr std::uint64_t kFnvPrime = 0x100000001B3ULL;

std::uint64_t fold(std::uint64_t hash, std::uint64_t word) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        hash = (hash ^ ((word >> shift) & 0xFFU)) * kFnvPrime;
    }
    return hash;
}

}  // namespace

std::string_view trace_kind_name(engine::TraceEvent::Kind kind) {
    using Kind = engine::TraceEvent::Kind;
    switch (kind) {
        case Kind::kCharge:
            return "charge";
        case Kind::kUncharge:
            return "uncharge";
        case Kind::kReclaim:
            return "reclaim";
        case Kind::kWmarkQueue:
            return "wmark_queue";
        case Kind::kWmarkRun:
            return "wmark_run";
        case Kind::kEvent:
            return "event";
        case Kind::kOomKill:
            return "oom_kill";
        case Kind::kOomNotify:
            return "oom_notify";
        case Kind::kThrottle:
            return "throttle";
        case Kind::kSwapOut:
            return "swap_out";
        case Kind::kSwapIn:
            return "swap_in";
        case Kind::kKswapd:
            return "kswapd";
        case Kind::kCgroup:
            return "cgroup";
        case Kind::kPressure:
            return "pressure";
    }
    MEMCGFS_UNREACHABLE();
}

void TraceHash::on_event(const engine::TraceEvent& event) {
    hash_ = fold(hash_, static_cast<std::uint64_t>(event.kind));
    hash_ = fold(hash_, event.memcg);
    hash_ = fold(hash_, event.a);
    hash_ = fold(hash_, event.b);
    ring_[count_ % kKept] = event;
    count_++;
}

std::vector<engine::TraceEvent> TraceHash::recent() const {
    const std::uint64_t kept = std::min<std::uint64_t>(count_, kKept);
    std::vector<engine::TraceEvent> events;
    events.reserve(kept);
    for (std::uint64_t number = count_ - kept; number < count_; number++) {
        events.push_back(ring_[number % kKept]);
    }
    return events;
}

void TraceHash::print_recent(TextBuffer& out) const {
    const std::vector<engine::TraceEvent> events = recent();
    std::uint64_t number = count_ - events.size();
    for (const engine::TraceEvent& event : events) {
        out.print("{} {} memcg={} a={} b={}\n", number, trace_kind_name(event.kind), event.memcg,
                  event.a, event.b);
        number++;
    }
}

}  // namespace memcgfs::exec
