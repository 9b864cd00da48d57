// SPDX-License-Identifier: MIT
//
// min_free_kbytes, zone marks and lowmem reserves: the tables of the specification (4.1, 4.2, G8,
// E1 to E5) and values measured on Linux.
#include "engine/watermark.h"

#include <climits>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr std::uint64_t kGib = 1024;  // in MiB

Machine one_zone(Pages pages) {
    Machine machine;
    machine.memory = pages;
    machine.thp = ThpMode::kNever;
    MachineNode node;
    node.managed[static_cast<std::size_t>(ZoneType::kNormal)] = pages;
    machine.nodes.push_back(node);
    return machine;
}

ZoneStat zone_of(const EngineFixture& fixture, ZoneType type) {
    return fixture.engine.machine_stat().nodes[0].zones[static_cast<std::size_t>(type)];
}

struct MinFreeCase {
    std::uint64_t mib;
    std::uint64_t kbytes;
};

TEST_CASE("min_free_kbytes is the root of the memory times 16 (G8)", "[engine][watermark]") {
    const auto test = GENERATE(MinFreeCase{16, 512}, MinFreeCase{64, 1024}, MinFreeCase{256, 2048},
                               MinFreeCase{kGib, 4096}, MinFreeCase{2 * kGib, 5792},
                               MinFreeCase{4 * kGib, 8192}, MinFreeCase{8 * kGib, 11585},
                               MinFreeCase{16 * kGib, 16384}, MinFreeCase{32 * kGib, 23170},
                               MinFreeCase{64 * kGib, 32768}, MinFreeCase{128 * kGib, 46340},
                               MinFreeCase{256 * kGib, 65536}, MinFreeCase{1024 * kGib, 131072},
                               MinFreeCase{4096 * kGib, 262144}, MinFreeCase{16384 * kGib, 262144});
    const EngineFixture fixture("6.12", Layout::kV2, one_zone(mib(test.mib)));
    CHECK(fixture.engine.machine_stat().min_free_kbytes == test.kbytes);
}

TEST_CASE("min_free_kbytes is at least 128 and at most the version's clamp",
          "[engine][watermark]") {
    const auto least = nodes_of(one_zone(Pages{100}));
    CHECK(default_min_free_kbytes(least, *find_profile("6.1"), false) == 128);
    const auto most = nodes_of(one_zone(mib(4096 * kGib)));
    CHECK(default_min_free_kbytes(most, *find_profile("6.1"), false) == 262144);
    CHECK(default_min_free_kbytes(most, *find_profile("alinux2"), false) == 65536);
}

TEST_CASE("huge pages ask for more", "[engine][watermark]") {
    // The 24 GB guest and the 1 GB guest that were measured.
    Machine guest;
    guest.nodes.resize(1);
    guest.nodes[0].managed = {Pages{3840}, Pages{772918}, Pages{851968}, Pages{0}};
    CHECK(default_min_free_kbytes(nodes_of(guest), *find_profile("6.1"), true) == 67584);
    guest.nodes[0].managed = {Pages{3840}, Pages{243851}, Pages{0}, Pages{0}};
    CHECK(default_min_free_kbytes(nodes_of(guest), *find_profile("6.12"), true) == 45056);
}

struct MarkCase {
    std::uint64_t gib;
    ZoneMarks marks;
};

TEST_CASE("a zone's marks are those of the table (G8, E4)", "[engine][watermark]") {
    const auto test =
        GENERATE(MarkCase{4, {Pages{2048}, Pages{3096}, Pages{4144}, Pages{5192}}},
                 MarkCase{16, {Pages{4096}, Pages{8290}, Pages{12484}, Pages{16678}}});
    const EngineFixture fixture("6.12", Layout::kV2, one_zone(mib(test.gib * kGib)));
    const ZoneStat zone = zone_of(fixture, ZoneType::kNormal);
    CHECK(ZoneMarks{zone.min, zone.low, zone.high, zone.promo} == test.marks);
}

TEST_CASE("a machine of less than 512 MiB has no huge pages, nor marks for them",
          "[engine][watermark]") {
    const auto min_free = [](const Machine& machine) {
        return EngineFixture("6.1", Layout::kV2, machine).engine.machine_stat().min_free_kbytes;
    };
    Machine machine;
    machine.memory = mib(384);
    CHECK(machine.thp_mode() == ThpMode::kNever);
    CHECK(min_free(machine) == 2508);  // the root of 16 times the memory in KiB
    machine.thp = ThpMode::kMadvise;   // asked for
    CHECK(min_free(machine) == 19660);
    machine.thp.reset();
    machine.memory = mib(511);
    CHECK(machine.thp_mode() == ThpMode::kNever);
    machine.memory = mib(512);
    CHECK(machine.thp_mode() == ThpMode::kAlways);
    CHECK(min_free(machine) > 19660);
}

TEST_CASE("zones share min_free_kbytes by their size, as measured", "[engine][watermark]") {
    Machine guest;
    guest.thp = engine::ThpMode::kAlways;
    guest.nodes.resize(1);
    guest.nodes[0].managed = {Pages{3840}, Pages{772918}, Pages{851968}, Pages{0}};
    const auto* profile = GENERATE("6.1", "6.12");
    const EngineFixture fixture(profile, Layout::kV2, guest);
    const ZoneStat dma = zone_of(fixture, ZoneType::kDma);
    const ZoneStat dma32 = zone_of(fixture, ZoneType::kDma32);
    const ZoneStat normal = zone_of(fixture, ZoneType::kNormal);
    CHECK(dma.min == Pages{39});
    CHECK(dma.low == Pages{48});
    CHECK(dma.high == Pages{57});
    CHECK(dma32.min == Pages{8018});
    CHECK(dma32.low == Pages{10022});
    CHECK(dma32.high == Pages{12026});
    CHECK(normal.min == Pages{8838});
    CHECK(normal.low == Pages{11047});
    CHECK(normal.high == Pages{13256});
    CHECK(dma.protection[1] == Pages{3019});
    CHECK(dma.protection[2] == Pages{6347});
    CHECK(dma32.protection[2] == Pages{3328});
    CHECK(normal.protection[2] == Pages{0});
}

TEST_CASE("an empty movable zone has the marks that were measured", "[engine][watermark]") {
    const EngineFixture old_one("6.1", Layout::kV2, one_zone(mib(kGib)));
    CHECK(zone_of(old_one, ZoneType::kMovable).min == Pages{0});
    const EngineFixture new_one("6.12", Layout::kV2, one_zone(mib(kGib)));
    CHECK(zone_of(new_one, ZoneType::kMovable).min == Pages{32});
    CHECK(zone_of(new_one, ZoneType::kMovable).high == Pages{32});
}

TEST_CASE("watermark_scale_factor moves low and high (E4, E5)", "[engine][watermark]") {
    EngineFixture fixture("6.12", Layout::kV2, one_zone(mib(4 * kGib)));
    REQUIRE(fixture.engine.set_watermark_scale_factor(3000).ok());
    const ZoneStat zone = zone_of(fixture, ZoneType::kNormal);
    CHECK(zone.min == Pages{2048});
    CHECK(zone.low == Pages{2048 + 314572});
    CHECK(zone.high == Pages{2048 + 2 * 314572});
    CHECK(fixture.engine.set_watermark_scale_factor(3001).error() == Errno::kEINVAL);
    CHECK(fixture.engine.set_watermark_scale_factor(0).error() == Errno::kEINVAL);
    CHECK(zone_of(fixture, ZoneType::kNormal).low == zone.low);

    EngineFixture before("5.10", Layout::kV2, one_zone(mib(4 * kGib)));
    CHECK(before.engine.set_watermark_scale_factor(1001).error() == Errno::kEINVAL);
    CHECK(before.engine.set_watermark_scale_factor(1000).ok());
}

TEST_CASE("writing min_free_kbytes moves all marks", "[engine][watermark]") {
    EngineFixture fixture("6.12", Layout::kV2, one_zone(mib(4 * kGib)));
    REQUIRE(fixture.engine.set_min_free_kbytes(65536).ok());
    const ZoneStat zone = zone_of(fixture, ZoneType::kNormal);
    CHECK(zone.min == Pages{16384});
    CHECK(zone.low == Pages{16384 + 4096});  // a quarter is more than the scale factor's share
    CHECK(fixture.engine.set_min_free_kbytes(-1).error() == Errno::kEINVAL);
    CHECK(fixture.engine.set_min_free_kbytes(std::int64_t{INT_MAX} + 1).error() == Errno::kEINVAL);
    CHECK(fixture.engine.machine_stat().min_free_kbytes == 65536);
}

TEST_CASE("lowmem_reserve_ratio divides the memory of the zones above", "[engine][watermark]") {
    Machine machine;
    machine.nodes.resize(1);
    machine.nodes[0].managed = {Pages{3840}, Pages{772918}, Pages{851968}, Pages{0}};
    EngineFixture fixture("6.12", Layout::kV2, machine);
    const std::array<std::int32_t, 2> ratios{1000, 0};
    fixture.engine.set_lowmem_reserve_ratio(ratios);
    CHECK(zone_of(fixture, ZoneType::kDma).protection[1] == Pages{772});
    CHECK(zone_of(fixture, ZoneType::kDma).protection[2] == Pages{1624});
    CHECK(zone_of(fixture, ZoneType::kDma32).protection[2] == Pages{0});
}

}  // namespace
}  // namespace memcgfs::engine
