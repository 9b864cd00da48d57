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

}  // namespace
}  // namespace memcgfs::interface
