// SPDX-License-Identifier: MIT
#include "cli/machine_file.h"

#include <cstdlib>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

engine::Machine machine_of(std::string_view text) {
    const auto machine = parse_machine(text, "m.toml");
    INFO((machine.ok() ? std::string() : machine.error()));
    REQUIRE(machine.ok());
    return *machine;
}

std::string error_of(std::string_view text) {
    const auto machine = parse_machine(text, "m.toml");
    REQUIRE(!machine.ok());
    CHECK(machine.error().find('\n') == std::string::npos);
    return machine.error();
}

TEST_CASE("an empty machine file is the default machine", "[cli]") {
    const engine::Machine machine = machine_of("");
    const engine::Machine expected;
    CHECK(machine.memory == expected.memory);
    CHECK(machine.swap == expected.swap);
    CHECK(machine.cpus == expected.cpus);
    CHECK(machine.vm_swappiness == expected.vm_swappiness);
    CHECK(machine.costs.fault == expected.costs.fault);
}

TEST_CASE("every key of a machine file arrives", "[cli]") {
    const engine::Machine machine = machine_of(
        "memory = '2G'\nswap = 8192\ncpus = 4\nswappiness = 10\n[costs]\nfault_ns = 1\n"
        "file_read_ns = 2\nfile_write_ns = 3\nreclaim_scan_ns = 4\nswap_out_ns = 5\n"
        "swap_in_ns = 6\nwriteback_ns = 7\nreclaim_unmap_ns = 8\nswap_submit_ns = 9\n");
    CHECK(machine.memory == Pages{524288});
    CHECK(machine.swap == Pages{2});
    CHECK(machine.cpus == 4);
    CHECK(machine.vm_swappiness == 10);
    CHECK(machine.costs.fault == Nanos{1});
    CHECK(machine.costs.file_read == Nanos{2});
    CHECK(machine.costs.file_write == Nanos{3});
    CHECK(machine.costs.reclaim_scan == Nanos{4});
    CHECK(machine.costs.swap_out == Nanos{5});
    CHECK(machine.costs.swap_in == Nanos{6});
    CHECK(machine.costs.writeback == Nanos{7});
    CHECK(machine.costs.reclaim_unmap == Nanos{8});
    CHECK(machine.costs.swap_submit == Nanos{9});
}

TEST_CASE("compressed swap has a table of its own", "[cli]") {
    CHECK_FALSE(machine_of("swap = '1M'\n").zswap.enabled);
    const engine::Machine machine = machine_of(
        "swap = '1M'\npage_cluster = 0\n[zswap]\nenabled = true\nmax_pool_percent = 5\n"
        "accept_threshold_percent = 50\npage_bytes = 100\nstore_ns = 7\nload_ns = 8\n");
    CHECK(machine.vm_page_cluster == 0);
    CHECK(machine.zswap.enabled);
    CHECK(machine.zswap.max_pool_percent == 5);
    CHECK(machine.zswap.accept_threshold_percent == 50);
    CHECK(machine.zswap.page_bytes == 100U);
    CHECK(machine.zswap.store == Nanos{7});
    CHECK(machine.zswap.load == Nanos{8});
    CHECK(error_of("zswap = true") == "m.toml:1: zswap must be a table: [zswap]");
    CHECK(error_of("[zswap]\npage_bytes = 4097\n") ==
          "m.toml:2: page_bytes must be a whole number from 0 to 4096");
}

TEST_CASE("swap is on a disk unless it says otherwise", "[cli]") {
    const engine::Machine machine =
        machine_of("[[swap]]\nsize = '1M'\n[[swap]]\nsize = '1M'\nsynchronous = true\n");
    CHECK_FALSE(machine.swap_devices[0].synchronous);
    CHECK(machine.swap_devices[1].synchronous);
}

TEST_CASE("errors name the file, the line and what is wrong", "[cli]") {
    CHECK(error_of("memory = '2G'\nmemmory = 1\n") ==
          "m.toml:2: unknown key 'memmory'; known are costs, cpus, hz, memory, "
          "node, oom_dump_tasks, oom_kill_allocating_task, page_cluster, panic_on_oom, swap, "
          "swappiness, thp, zswap");
    CHECK(error_of("\n[costs]\nfault_ms = 1\n").starts_with("m.toml:3: unknown key 'fault_ms'"));
    CHECK(error_of("memory = 'lots'").starts_with("m.toml:1: memory must be a size"));
    CHECK(error_of("memory = '1M'") == "m.toml:1: memory must be at least 16M");
    CHECK(error_of("swap = -1").starts_with("m.toml:1: swap must be a size"));
    CHECK(error_of("swap = true").starts_with("m.toml:1: swap must be a size"));
    CHECK(error_of("cpus = 0") == "m.toml:1: cpus must be a whole number from 1 to 8192");
    CHECK(error_of("cpus = 1.5") == "m.toml:1: cpus must be a whole number from 1 to 8192");
    CHECK(error_of("swappiness = 201").starts_with("m.toml:1: swappiness must be"));
    CHECK(error_of("[costs]\nfault_ns = -1").starts_with("m.toml:2: fault_ns must be"));
    CHECK(error_of("costs = 3") == "m.toml:1: costs must be a table: [costs]");
    CHECK(error_of("cpus = 1\nmemory == 3\n").starts_with("m.toml:2: "));
}

TEST_CASE("a machine file describes nodes and zones", "[cli]") {
    const engine::Machine machine = machine_of(
        "cpus = 4\nhz = 100\nthp = 'madvise'\n[[node]]\ndma = '15M'\ndma32 = '1G'\n[[node]]\n"
        "normal = '2G'\nmovable = 8192\n");
    REQUIRE(machine.nodes.size() == 2);
    CHECK(machine.nodes[0].managed ==
          decltype(machine.nodes[0].managed){Pages{3840}, Pages{262144}, Pages{}, Pages{}});
    CHECK(machine.nodes[1].managed ==
          decltype(machine.nodes[1].managed){Pages{}, Pages{}, Pages{524288}, Pages{2}});
    CHECK(machine.memory == Pages{3840 + 262144 + 524288 + 2});
    CHECK(machine.hz == 100);
    CHECK(machine.thp == engine::ThpMode::kMadvise);
}

TEST_CASE("an impossible machine is refused in one sentence", "[cli]") {
    CHECK(error_of("memory = 0") == "m.toml:1: memory must be at least 16M");
    CHECK(error_of("memory = '65T'") == "m.toml:1: memory must be at most 64T");
    CHECK(error_of("swap = '99999999999999999999'").starts_with("m.toml:1: swap must be"));
    CHECK(error_of("swap = 4095") == "m.toml:1: swap must be 0 or at least a page, 4K");
    CHECK(error_of("\n[[node]]\n") ==
          "m.toml:2: a node must have memory: dma, dma32, normal or movable");
    CHECK(error_of("[[node]]\nnormal = '1M'") ==
          "m.toml:1: node must have from 16M to 64T of memory together");
    CHECK(error_of("[[node]]\nhigh = '1G'").starts_with("m.toml:2: unknown key 'high'"));
    CHECK(error_of("node = 3").starts_with("m.toml:1: node must be tables: [[node]]"));
    CHECK(error_of("node = []").starts_with("m.toml:1: node must be tables: [[node]]"));
    CHECK(error_of("memory = '1G'\n[[node]]\nnormal = '1G'\n") ==
          "m.toml:1: memory does not go with [[node]], which has its own");
    CHECK(error_of("hz = 0") == "m.toml:1: hz must be a whole number from 1 to 1000");
    CHECK(error_of("thp = true") == "m.toml:1: thp must be \"always\", \"madvise\" or \"never\"");
}

TEST_CASE("the machine files of the documentation can be read", "[cli]") {
    const char* root = std::getenv("MEMCGFS_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    for (const char* name : {"seed-4g", "seed-128g", "two-nodes"}) {
        const auto machine =
            load_machine_file(std::string(root) + "/docs/machines/" + name + ".toml");
        INFO((machine.ok() ? std::string() : machine.error()));
        CHECK(machine.ok());
    }
}

TEST_CASE("a machine file that is not there is said so", "[cli]") {
    const auto machine = load_machine_file("/no/such/file.toml");
    REQUIRE(!machine.ok());
    CHECK(machine.error() == "cannot read /no/such/file.toml: No such file or directory");
}

}  // namespace
}  // namespace memcgfs::cli
