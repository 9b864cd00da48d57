// SPDX-License-Identifier: MIT
#include "fs_fixture.h"
#include "interface/knobs.h"

namespace memcgfs::interface {
namespace {

using namespace std::string_literals;

const std::vector<std::string> kWmarkFiles = {"memory.wmark_ratio", "memory.wmark_high",
                                              "memory.wmark_low", "memory.wmark_scale_factor"};

TEST_CASE("wmark: presence and modes", "[interface]") {
    for (const Layout layout : {Layout::kV1, Layout::kV2}) {
        FsFixture machine("alinux2", layout);
        const DirKey group = machine.mkdir_memory(machine.top, "t");
        for (const auto& file : kWmarkFiles) {
            CHECK(machine.has(group, file));
            CHECK_FALSE(machine.has(machine.top, file));
        }
        CHECK(machine.mode(group, "memory.wmark_ratio") == "0644");
        CHECK(machine.mode(group, "memory.wmark_scale_factor") == "0644");
        CHECK(machine.mode(group, "memory.wmark_high") == "0444");
        CHECK(machine.mode(group, "memory.wmark_low") == "0444");
        CHECK(machine.write(group, "memory.wmark_high", "1") == "EINVAL");
        CHECK(machine.write(group, "memory.wmark_low", "1") == "EINVAL");
    }
    FsFixture mainline("6.1", Layout::kV1);
    CHECK_FALSE(mainline.has(mainline.mkdir(mainline.top, "t"), "memory.wmark_ratio"));
}

TEST_CASE("wmark: defaults print a number on v1 and max on v2", "[interface]") {
    FsFixture v1("alinux2", Layout::kV1);
    const DirKey g1 = v1.mkdir(v1.top, "t");
    CHECK(v1.read(g1, "memory.wmark_ratio") == "0\n");
    CHECK(v1.read(g1, "memory.wmark_scale_factor") == "50\n");
    CHECK(v1.read(g1, "memory.wmark_high") == "9223372036854771712\n");
    CHECK(v1.read(g1, "memory.wmark_low") == "9223372036854771712\n");

    FsFixture v2("alinux2", Layout::kV2);
    const DirKey g2 = v2.mkdir_memory(v2.top, "t");
    CHECK(v2.read(g2, "memory.wmark_high") == "max\n");
    CHECK(v2.read(g2, "memory.wmark_low") == "max\n");
}

TEST_CASE("wmark: what wmark_ratio takes", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const auto& text : {"95"s, " 95\n"s, "+95"s, "0x5f"s, "0137"s, "95\0!"s}) {
        check_writes(machine, group, "memory.wmark_ratio",
                     {{"1", "ok", "1\n"}, {text, "ok", "95\n"}});
    }
    for (const auto& text : {" "s, "\n"s, "max"s, "-1"s, "50%"s, "95.0"s, "0x"s, "08"s, "9 5"s,
                             "101"s, "4294967295"s, "2147483648"s, "\0"s}) {
        check_writes(machine, group, "memory.wmark_ratio", {{text, "EINVAL", "95\n"}});
    }
    check_writes(machine, group, "memory.wmark_ratio",
                 {{"4294967296", "ERANGE", "95\n"}, {"100", "ok", "100\n"}, {"0", "ok", "0\n"}});
}

TEST_CASE("wmark: what wmark_scale_factor takes", "[interface]") {
    FsFixture machine("alinux2", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    check_writes(machine, group, "memory.wmark_scale_factor",
                 {
                     {"1", "ok", "1\n"},
                     {" 1000\n", "ok", "1000\n"},
                     {"0", "EINVAL", "1000\n"},
                     {"1001", "EINVAL", "1000\n"},
                     {"-1", "EINVAL", "1000\n"},
                     {"max", "EINVAL", "1000\n"},
                     {"4294967295", "EINVAL", "1000\n"},
                     {"4294967296", "ERANGE", "1000\n"},
                     {"0x32", "ok", "50\n"},
                 });
}

TEST_CASE("wmark: the watermarks of the documentation's example", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    REQUIRE(machine.write(group, "memory.limit_in_bytes", "1G") == kOk);
    REQUIRE(machine.write(group, "memory.wmark_ratio", "95") == kOk);
    CHECK(machine.read(group, "memory.wmark_high") == "1020051456\n");
    CHECK(machine.read(group, "memory.wmark_low") == "1014685696\n");
    REQUIRE(machine.write(group, "memory.wmark_scale_factor", "1000") == kOk);
    CHECK(machine.read(group, "memory.wmark_low") == "912678912\n");
    REQUIRE(machine.write(group, "memory.high", "512M") == kOk);
    CHECK(machine.read(group, "memory.wmark_high") == "510025728\n");
    REQUIRE(machine.write(group, "memory.wmark_ratio", "0") == kOk);
    CHECK(machine.read(group, "memory.wmark_high") == "9223372036854771712\n");
}

TEST_CASE("wmark: unlimited and wrapped watermarks", "[interface]") {
    FsFixture v2("alinux2", Layout::kV2);
    const DirKey group = v2.mkdir_memory(v2.top, "t");
    REQUIRE(v2.write(group, "memory.wmark_ratio", "95") == kOk);
    CHECK(v2.read(group, "memory.wmark_high") == "8762203435012030464\n");
    CHECK(v2.read(group, "memory.wmark_low") == "8716086574827757568\n");
    REQUIRE(v2.write(group, "memory.wmark_ratio", "100") == kOk);
    CHECK(v2.read(group, "memory.wmark_high") == "max\n");
    CHECK(v2.read(group, "memory.wmark_low") == "9177255176670498816\n");
    REQUIRE(v2.write(group, "memory.max", "1G") == kOk);
    REQUIRE(v2.write(group, "memory.wmark_scale_factor", "1000") == kOk);
    REQUIRE(v2.write(group, "memory.wmark_ratio", "9") == kOk);
    CHECK(v2.read(group, "memory.wmark_high") == "96632832\n");
    CHECK(v2.read(group, "memory.wmark_low") == "18446744073698811904\n");
}

TEST_CASE("wmark: children copy ratio and scale factor once", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey parent = machine.mkdir(machine.top, "p");
    REQUIRE(machine.write(parent, "memory.limit_in_bytes", "1G") == kOk);
    const DirKey before = machine.mkdir(parent, "before");
    REQUIRE(machine.write(parent, "memory.wmark_ratio", "95") == kOk);
    REQUIRE(machine.write(parent, "memory.wmark_scale_factor", "100") == kOk);
    CHECK(machine.read(before, "memory.wmark_ratio") == "0\n");
    const DirKey after = machine.mkdir(parent, "after");
    CHECK(machine.read(after, "memory.wmark_ratio") == "95\n");
    CHECK(machine.read(after, "memory.wmark_scale_factor") == "100\n");
    CHECK(machine.read(after, "memory.wmark_high") == "8762203435012030464\n");
}

TEST_CASE("memory.exstat counts 2^20 ns, on the root too", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK(machine.mode(machine.top, "memory.exstat") == "0444");
    CHECK(machine.read(machine.top, "memory.exstat") ==
          "wmark_min_throttled_ms 0\nwmark_reclaim_work_ms 0\n");
    machine.memcg(group).wmark.reclaim_time = from_millis(1000);
    CHECK(machine.read(group, "memory.exstat") ==
          "wmark_min_throttled_ms 0\nwmark_reclaim_work_ms 953\n");
    FsFixture v2("alinux2", Layout::kV2);
    CHECK_FALSE(v2.has(v2.mkdir_memory(v2.top, "t"), "memory.exstat"));
}

TEST_CASE("memory.wmark_min_adj: the documentation's tree", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const auto make = [&](DirKey parent, std::string_view name, std::string_view value) {
        const DirKey group = machine.mkdir(parent, name);
        CHECK(machine.write(group, "memory.wmark_min_adj", value) == kOk);
        return group;
    };
    const auto read = [&](DirKey group) { return machine.read(group, "memory.wmark_min_adj"); };
    const DirKey a = make(machine.top, "A", "-10");
    const DirKey b = make(a, "B", "-25");
    const DirKey c = make(a, "C", "0");
    const DirKey d = make(machine.top, "D", "50");
    const DirKey e = make(b, "E", "-25");
    const DirKey f = make(b, "F", "50");
    CHECK(read(a) == "-10\n");
    CHECK(read(b) == "-10\n");
    CHECK(read(c) == "0\n");
    CHECK(read(d) == "50\n");
    CHECK(read(e) == "-10\n");
    CHECK(read(f) == "50\n");
    CHECK(read(machine.mkdir(d, "child")) == "50\n");

    check_writes(machine, d, "memory.wmark_min_adj",
                 {
                     {" -25\n", "ok", "-25\n"},
                     {"-26", "EINVAL", "-25\n"},
                     {"51", "EINVAL", "-25\n"},
                     {"x", "EINVAL", "-25\n"},
                     {"2147483648", "ERANGE", "-25\n"},
                     {"0x10", "ok", "16\n"},
                 });
    CHECK_FALSE(machine.has(machine.top, "memory.wmark_min_adj"));
}

TEST_CASE("memory.priority and memory.use_priority_oom", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK_FALSE(machine.has(machine.top, "memory.priority"));
    check_writes(machine, group, "memory.priority",
                 {
                     {"12\n", "ok", "12\n"},
                     {"13", "EINVAL", "12\n"},
                     {" 5", "EINVAL", "12\n"},
                     {"-1", "EINVAL", "12\n"},
                     {"+5", "ok", "5\n"},
                     {"18446744073709551616", "ERANGE", "5\n"},
                 });
    check_writes(machine, machine.top, "memory.use_priority_oom",
                 {{"1", "ok", "1\n"}, {"2", "EINVAL", "1\n"}, {"0", "ok", "0\n"}});
    const DirKey child = machine.mkdir(group, "c");
    CHECK(machine.read(child, "memory.priority") == "0\n");
}

TEST_CASE("the latency files have eight lines, and 0 clears them", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const std::string none =
        "0-1ms: \t0\n1-5ms: \t0\n5-10ms: \t0\n10-100ms: \t0\n100-500ms: \t0\n"
        "500-1000ms: \t0\n>=1000ms: \t0\ntotal(ms): \t0\n";
    for (const std::string file :
         {"memory.direct_reclaim_memcg_latency", "memory.direct_swapout_memcg_latency",
          "memory.direct_reclaim_global_latency", "memory.dirty_throttle_latency"}) {
        CHECK(machine.has(machine.top, file));
        CHECK(machine.mode(group, file) == "0644");
        check_writes(machine, group, file,
                     {{"1", "EINVAL", none}, {"x", "EINVAL", none}, {"0", "ok", none}});
    }
    engine::LatencyHistogram& latency = machine.memcg(group).direct_reclaim_latency;
    latency.add(Nanos{(1 << 20) - 1});
    latency.add(Nanos{1 << 20}, 2);
    latency.add(Nanos{99 << 20});
    latency.add(Nanos{1000LL << 20});
    CHECK(machine.read(group, "memory.direct_reclaim_memcg_latency") ==
          "0-1ms: \t1\n1-5ms: \t2\n5-10ms: \t0\n10-100ms: \t1\n100-500ms: \t0\n"
          "500-1000ms: \t0\n>=1000ms: \t1\ntotal(ms): \t1101\n");
    CHECK(machine.write(group, "memory.direct_reclaim_memcg_latency", "0") == kOk);
    CHECK(machine.read(group, "memory.direct_reclaim_memcg_latency") == none);
}

TEST_CASE("knobs are forgotten group by group", "[interface]") {
    Knobs knobs;
    const engine::MemcgId a{1};
    const engine::MemcgId b{2};
    knobs.set(a, Knob::kWmarkMinAdj, -5);
    knobs.set(b, Knob::kWmarkMinAdj, 7);
    knobs.forget(a);
    CHECK(knobs.get(a, Knob::kWmarkMinAdj) == 0);
    CHECK(knobs.get(b, Knob::kWmarkMinAdj) == 7);
}

TEST_CASE("v1 memory.min, low and high of Alibaba's kernels", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    check_writes(
        machine, group, "memory.high",
        {{"1M", "ok", "1048576\n"}, {"-1", "EINVAL", "1048576\n"}, {"max", "ok", "max\n"}});
    CHECK(machine.read(group, "memory.min") == "0\n");
    CHECK(machine.read(group, "memory.low") == "0\n");
    CHECK_FALSE(machine.has(machine.top, "memory.high"));
    FsFixture mainline("5.10", Layout::kV1);
    CHECK_FALSE(mainline.has(mainline.mkdir(mainline.top, "t"), "memory.high"));
}

}  // namespace
}  // namespace memcgfs::interface
