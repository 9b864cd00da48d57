// SPDX-License-Identifier: MIT
#include "interface/memory_blocks.h"

#include "proc_fixture.h"

namespace memcgfs::interface {
namespace {

using engine::ZoneType;

constexpr std::string_view kMemory = "/sys/devices/system/memory/";

engine::Machine with_nodes() {
    engine::Machine machine;
    machine.nodes.resize(2);
    machine.nodes[0].managed = {Pages{3840}, Pages{2 * 32768 - 3840}, Pages{3 * 32768}, Pages{}};
    machine.nodes[1].managed = {Pages{}, Pages{}, Pages{32768 + 100}, Pages{}};
    machine.memory = Pages{6 * 32768 + 100};
    return machine;
}

std::string path(int block, std::string_view file) {
    return std::string(kMemory) + "memory" + std::to_string(block) + "/" + std::string(file);
}

TEST_CASE("a block is of one zone, or stays", "[interface][hotplug]") {
    const ProcFixture machine("6.12", Layout::kV2, with_nodes());
    const auto blocks = memory_blocks(machine.engine.machine_stat());
    REQUIRE(blocks.size() == 7);
    CHECK_FALSE(blocks[0].place);  // the lowest two zones
    CHECK(blocks[1].place->zone == ZoneType::kDma32);
    CHECK(blocks[2].place->zone == ZoneType::kNormal);
    CHECK(blocks[2].place->node == 0);
    CHECK(blocks[5].place->node == 1);
    CHECK_FALSE(blocks[6].place);  // not all of it is there
}

TEST_CASE("a block goes offline and comes back", "[interface][hotplug]") {
    ProcFixture machine("6.1", Layout::kV2, with_nodes());
    const auto managed = [&] {
        return machine.engine.machine_stat().nodes[0].zones[2].managed.count();
    };
    CHECK(machine.cat(path(2, "valid_zones")) == "Normal\n");
    CHECK(machine.echo(path(2, "state"), "offline\n") == kOk);
    CHECK(machine.cat(path(2, "state")) == "offline\n");
    CHECK(machine.cat(path(2, "online")) == "0\n");
    CHECK(machine.cat(path(2, "valid_zones")) == "Normal Movable\n");
    CHECK(machine.cat(path(3, "state")) == "online\n");
    CHECK(managed() == 2 * 32768);
    CHECK(machine.echo(path(2, "state"), "offline") == "EINVAL");
    CHECK(machine.echo(path(2, "online"), "0") == kOk);  // as it is already
    CHECK(machine.echo(path(2, "state"), "online") == kOk);
    CHECK(managed() == 3 * 32768);
    CHECK(machine.echo(path(4, "online"), "n") == kOk);
    CHECK(machine.cat(path(4, "state")) == "offline\n");
    CHECK(machine.echo(path(4, "online"), "Y") == kOk);
    CHECK(managed() == 3 * 32768);
    CHECK(machine.echo(path(0, "state"), "offline") == "EINVAL");
    CHECK(machine.echo(path(6, "online"), "0") == "EINVAL");
}

TEST_CASE("blocks have numbers in hexadecimal, and end with the memory", "[interface][hotplug]") {
    ProcFixture machine("6.1");  // 16 GiB
    CHECK(machine.cat(path(26, "phys_index")) == "0000001a\n");
    CHECK(machine.proc.has(path(127, "state")));
    CHECK_FALSE(machine.proc.has(path(128, "state")));
    CHECK(machine.cat(std::string(kMemory) + "block_size_bytes") == "8000000\n");
}

}  // namespace
}  // namespace memcgfs::interface
