// SPDX-License-Identifier: MIT
//
// The texts of /proc/meminfo and its like against those recorded on Linux.
#include "memcgfs/interface/machine_files.h"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "support/engine_fixture.h"

namespace memcgfs::interface {
namespace {

using engine::Machine;
using test::EngineFixture;

/// What was recorded: file name to text.
std::map<std::string, std::string> recorded(const std::string& profile) {
    const char* root = std::getenv("MEMCGFS_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    std::ifstream file(std::string(root) + "/tests/unit/interface/recorded/machine-" + profile +
                       ".golden");
    std::map<std::string, std::string> texts;
    std::string name;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("== ")) {
            name = line.substr(3);
        } else if (!name.empty()) {
            texts[name] += line + "\n";
        }
    }
    REQUIRE(texts.size() == 5);
    return texts;
}

/// The guest that they were recorded on.
Machine guest() {
    Machine machine;
    machine.thp = engine::ThpMode::kAlways;
    machine.swap = Pages{131071};
    machine.nodes.resize(1);
    machine.nodes[0].managed = {Pages{3840}, Pages{243851}, Pages{}, Pages{}};
    machine.memory = Pages{3840 + 243851};
    return machine;
}

/// Every number becomes an N; columns of right-aligned numbers shrink to one space.
std::string shape(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at++) {
        const bool begins =
            std::isdigit(static_cast<unsigned char>(text[at])) != 0 &&
            (at == 0 || std::string(" \t\n(").find(text[at - 1]) != std::string::npos);
        if (!begins) {
            out += text[at];
            continue;
        }
        while (at + 1 < text.size() &&
               std::isdigit(static_cast<unsigned char>(text[at + 1])) != 0) {
            at++;
        }
        while (out.ends_with("  ")) {
            out.pop_back();
        }
        out += 'N';
    }
    return out;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string shown(const EngineFixture& fixture, const char* path) {
    const engine::MachineStat stat = fixture.engine.machine_stat();
    TextBuffer out;
    REQUIRE(show_machine_file({fixture.engine.profile(), stat}, path, out));
    return std::move(out).take();
}

TEST_CASE("every file has the lines of the kernel's, in its order and layout", "[interface]") {
    const std::string profile = GENERATE("6.1", "6.12");
    const auto* path = GENERATE("/proc/meminfo", "/proc/zoneinfo", "/proc/vmstat", "/proc/swaps",
                                "/sys/devices/system/node/node0/meminfo");
    const EngineFixture fixture(profile, engine::Layout::kV2, guest());
    const auto expected = lines_of(shape(recorded(profile).at(path)));
    const auto lines = lines_of(shape(shown(fixture, path)));
    for (std::size_t line = 0; line < std::min(lines.size(), expected.size()); line++) {
        REQUIRE(lines[line] == expected[line]);
    }
    CHECK(lines.size() == expected.size());
}

TEST_CASE("columns of meminfo are as wide as the kernel's", "[interface]") {
    const std::string profile = GENERATE("6.1", "6.12");
    const auto* path = GENERATE("/proc/meminfo", "/sys/devices/system/node/node0/meminfo");
    const EngineFixture fixture(profile, engine::Layout::kV2, guest());
    const auto expected = lines_of(recorded(profile).at(path));
    const auto lines = lines_of(shown(fixture, path));
    REQUIRE(lines.size() == expected.size());
    for (std::size_t line = 0; line < lines.size(); line++) {
        INFO(lines[line]);
        CHECK(lines[line].size() == expected[line].size());
    }
}

TEST_CASE("constant files are the kernel's byte for byte", "[interface]") {
    const EngineFixture fixture("6.12", engine::Layout::kV2, guest());
    CHECK(shown(fixture, "/proc/swaps") == recorded("6.12").at("/proc/swaps"));
    const std::string meminfo = shown(fixture, "/proc/meminfo");
    CHECK(meminfo.starts_with("MemTotal:         990764 kB\nMemFree:          990764 kB\n"));
    CHECK(meminfo.find("SwapTotal:        524284 kB\n") != std::string::npos);
    CHECK(meminfo.find("\nCommitLimit:     1019664 kB\n") != std::string::npos);
}

TEST_CASE("the files follow what the machine does", "[interface]") {
    EngineFixture fixture("6.12", engine::Layout::kV2, guest());
    const auto task = fixture.add_task(fixture.root());
    const auto file = fixture.engine.create_mapping(task, engine::PageKind::kFile);
    REQUIRE(fixture.read_file(task, file, 1000).ok());
    REQUIRE(fixture.anon(task, 500).ok());
    CHECK(shown(fixture, "/proc/meminfo").find("\nCached:             4000 kB\n") !=
          std::string::npos);
    CHECK(shown(fixture, "/proc/meminfo").find("\nAnonPages:          2000 kB\n") !=
          std::string::npos);
    CHECK(shown(fixture, "/proc/vmstat").starts_with("nr_free_pages 246191\n"));
    CHECK(shown(fixture, "/proc/vmstat").find("\npgalloc_dma32 1500\n") != std::string::npos);
    CHECK(shown(fixture, "/proc/zoneinfo").find("      nr_zone_inactive_file 1000\n") !=
          std::string::npos);
}

TEST_CASE("there is no file of a node that is not there", "[interface]") {
    const EngineFixture fixture("6.12", engine::Layout::kV2, guest());
    const engine::MachineStat stat = fixture.engine.machine_stat();
    TextBuffer out;
    for (const char* path :
         {"/proc/meminfo2", "/sys/devices/system/node/node1/meminfo",
          "/sys/devices/system/node/node/meminfo", "/sys/devices/system/node/node0x/meminfo"}) {
        CHECK_FALSE(show_machine_file({fixture.engine.profile(), stat}, path, out));
    }
    CHECK(out.view().empty());
}

}  // namespace
}  // namespace memcgfs::interface
