// SPDX-License-Identifier: MIT
#include "memcgfs/exec/trace_hash.h"

#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

using engine::TraceEvent;

TEST_CASE("the hash is FNV-1a of the fields, and each field and the order count", "[exec]") {
    TraceHash empty;
    CHECK(empty.hash() == 0xCBF29CE484222325ULL);

    TraceHash one;
    one.on_event({TraceEvent::Kind::kOomKill, 1, 2, 3});
    // From a separate FNV-1a over the 32 bytes 06 00.. 01 00.. 02 00.. 03 00..
    CHECK(one.hash() == 0x9A1D2AFA44D83823ULL);

    const TraceEvent a{TraceEvent::Kind::kCharge, 1, 1, 1};
    const TraceEvent b{TraceEvent::Kind::kCharge, 1, 1, 2};
    TraceHash forward;
    forward.on_event(a);
    forward.on_event(b);
    TraceHash backward;
    backward.on_event(b);
    backward.on_event(a);
    CHECK(forward.hash() != backward.hash());
}

TEST_CASE("the last 50 events are kept", "[exec]") {
    TraceHash trace;
    for (std::uint64_t number = 0; number < 120; number++) {
        trace.on_event({TraceEvent::Kind::kCharge, number, 0, 0});
    }
    const auto recent = trace.recent();
    REQUIRE(recent.size() == TraceHash::kKept);
    CHECK(recent.front().memcg == 70);
    CHECK(recent.back().memcg == 119);
    TextBuffer out;
    trace.print_recent(out);
    CHECK(out.view().substr(0, out.view().find('\n')) == "70 charge memcg=70 a=0 b=0");
}

}  // namespace
}  // namespace memcgfs::exec
