// SPDX-License-Identifier: MIT
#include "cli/machine_file.h"

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
        "swap_in_ns = 6\n");
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
}

TEST_CASE("errors name the file, the line and what is wrong", "[cli]") {
    CHECK(error_of("memory = '2G'\nmemmory = 1\n") ==
          "m.toml:2: unknown key 'memmory'; known are costs, cpus, memory, swap, swappiness");
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

TEST_CASE("a machine file that is not there is said so", "[cli]") {
    const auto machine = load_machine_file("/no/such/file.toml");
    REQUIRE(!machine.ok());
    CHECK(machine.error() == "cannot read /no/such/file.toml: No such file or directory");
}

}  // namespace
}  // namespace memcgfs::cli
