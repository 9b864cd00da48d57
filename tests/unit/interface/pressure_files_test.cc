// SPDX-License-Identifier: MIT
// Answers as recorded on 6.1 and 6.12.
#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

TEST_CASE("pressure triggers", "[interface]") {
    for (const auto* profile : {"6.1", "6.12"}) {
        FsFixture machine(profile, Layout::kV2);
        const DirKey group = machine.mkdir(machine.top, "t");
        for (const auto* text : {"some 150000 1000000", "full 150000 1000000", "some 150000 500000",
                                 "some 150000 10000000", "some 1000000 1000000", "some 1 1000000",
                                 "some 150000 1000000 x", "some 150000 2000000\n",
                                 "some  150000\t2000000", "some150000 1000000"}) {
            INFO(text);
            CHECK(machine.write(group, "memory.pressure", text) == kOk);
        }
        for (const auto* text :
             {"some 150000 10000001", "some 1000001 1000000", "some 0 1000000", "some 150000",
              "some", "any 150000 1000000", "150000 1000000", "some -1 1000000", "some 15x 1000000",
              "Some 150000 1000000", " some 150000 1000000", "some 0 0", "some 0x10 1000000"}) {
            INFO(text);
            CHECK(machine.write(group, "memory.pressure", text) == "EINVAL");
        }
    }
}

TEST_CASE("short windows came with 6.12", "[interface]") {
    FsFixture older("6.1", Layout::kV2);
    CHECK(older.write(older.top, "memory.pressure", "some 150000 499999") == "EINVAL");
    FsFixture newer("6.12", Layout::kV2);
    CHECK(newer.write(newer.top, "memory.pressure", "some 150000 499999") == kOk);
}

TEST_CASE("users may only ask for the averages' period", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    machine.who.uid = 1000;
    CHECK(machine.write(machine.top, "cpu.pressure", "some 150000 1000000") == "EINVAL");
    CHECK(machine.write(machine.top, "cpu.pressure", "some 150000 4000000") == kOk);
}

TEST_CASE("one trigger for each open file", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    std::unique_ptr<vfs::OpenState> state;
    CHECK(machine.write(machine.top, "io.pressure", "x", state) == "EINVAL");
    CHECK(machine.write(machine.top, "io.pressure", "some 1 2000000", state) == kOk);
    CHECK(machine.write(machine.top, "io.pressure", "x", state) == "EBUSY");
    CHECK(line_count(machine.read(machine.top, "io.pressure", state)) == 2);
}

TEST_CASE("memory.pressure shows what is measured, the others nothing", "[interface]") {
    FsFixture machine("6.1", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    const std::string zeros =
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
    CHECK(machine.read(group, "memory.pressure") == zeros);
    REQUIRE(machine.write(group, "memory.high", "100M") == kOk);
    const engine::TaskId task = machine.add_task(machine.group(group));
    REQUIRE(machine.anon(task, 27500).ok());
    machine.clock.advance(from_millis(2004));
    const std::string now = machine.read(group, "memory.pressure");
    CHECK(now != zeros);
    CHECK(line_count(now) == 2);
    CHECK(now.substr(0, 10) == "some avg10");
    CHECK(now.find("avg10=0.00") == std::string::npos);
    CHECK(machine.read(machine.top, "memory.pressure") == now);
    CHECK(machine.read(group, "io.pressure") == zeros);
    CHECK(machine.read(group, "cpu.pressure") == zeros);
}

TEST_CASE("a trigger lives as long as its open file", "[interface]") {
    FsFixture machine("6.1", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    const auto triggers = [&] { return machine.group(group).psi->triggers.size(); };
    std::unique_ptr<vfs::OpenState> state;
    REQUIRE(machine.write(group, "memory.pressure", "full 150000 1000000", state) == kOk);
    REQUIRE(triggers() == 1);
    const engine::PsiTriggerSpec& spec = machine.group(group).psi->triggers[0].spec;
    CHECK(spec.state == engine::PsiState::kFull);
    CHECK(spec.threshold == from_millis(150));
    CHECK(spec.window == from_millis(1000));
    CHECK(spec.privileged);
    CHECK(machine.write(group, "memory.pressure", "full 150000 1000000", state) == "EBUSY");
    CHECK(triggers() == 1);
    state.reset();
    CHECK(triggers() == 0);
    REQUIRE(machine.write(group, "memory.pressure", "some 150000 2000000", state) == kOk);
    REQUIRE(machine.rmdir(group).ok());
    CHECK(machine.sink.psi_gone.size() == 1);
    state.reset();
    std::unique_ptr<vfs::OpenState> survivor;
    {
        FsFixture other("6.1", Layout::kV2);
        REQUIRE(other.write(other.top, "memory.pressure", "some 1 2000000", survivor) == kOk);
    }
    survivor.reset();  // after its tree
}

}  // namespace
}  // namespace memcgfs::interface
