// SPDX-License-Identifier: MIT
#include "memcgfs/interface/kernel_log.h"

#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

struct Log {
    ManualClock clock;
    KernelLog log{clock};
    void at(std::int64_t micros) { clock.advance_to(Nanos{micros * 1000}); }
};

TEST_CASE("a line is a record with its priority, number and time", "[interface][kmsg]") {
    Log machine;
    machine.at(5'538'868);
    machine.log.append(4, "is deprecated");
    machine.log.append(6, "a\tb\\c\n\xc3\xa4");
    CHECK(*machine.log.record(0) == "4,0,5538868,-;is deprecated\n");
    CHECK(*machine.log.record(1) == "6,1,5538868,-;a\\x09b\\x5cc\\x0a\\xc3\\xa4\n");
    CHECK_FALSE(machine.log.record(2));
    CHECK(machine.log.bounds().first == 0);
    CHECK(machine.log.bounds().end == 2);
}

TEST_CASE("what is written has a priority in front, or the user's", "[interface][kmsg]") {
    Log machine;
    for (const char* text : {"plain\n", "<6>info\n", "<31>daemon\n", "<x>none\n", "<6\n"}) {
        REQUIRE(machine.log.write(text).ok());
    }
    CHECK(*machine.log.record(0) == "12,0,0,-;plain\n");
    CHECK(*machine.log.record(1) == "14,1,0,-;info\n");
    CHECK(*machine.log.record(2) == "31,2,0,-;daemon\n");
    CHECK(*machine.log.record(3) == "12,3,0,-;<x>none\n");
    CHECK(*machine.log.record(4) == "12,4,0,-;<6\n");
}

TEST_CASE("a line without an end is shown once the next begins", "[interface][kmsg]") {
    Log machine;
    int told = 0;
    machine.log.watch([&] { told++; });
    REQUIRE(machine.log.write("one").ok());
    CHECK(machine.log.bounds().end == 0);
    CHECK(told == 0);
    machine.at(5);
    REQUIRE(machine.log.write("two").ok());
    CHECK(machine.log.bounds().end == 1);
    CHECK(told == 1);
    machine.log.append(6, "three");
    CHECK(machine.log.bounds().end == 3);
    CHECK(*machine.log.record(0) == "12,0,0,-;one\n");
    CHECK(*machine.log.record(1) == "12,1,5,-;two\n");
    CHECK(*machine.log.record(2) == "6,2,5,-;three\n");
}

TEST_CASE("syslog gives whole lines with a prefix, the latest that fit", "[interface][kmsg]") {
    Log machine;
    machine.at(12'000'345);
    machine.log.append(6, "one");
    machine.log.append(3, "two\nlines");
    const std::string one = "<6>[   12.000345] one\n";
    const std::string two = "<3>[   12.000345] two\n<3>[   12.000345] lines\n";
    CHECK(machine.log.read_all(1000) == one + two);
    CHECK(machine.log.read_all(one.size() + two.size() - 1) == two);
    CHECK(machine.log.read_all(5).empty());
    machine.log.clear();
    CHECK(machine.log.read_all(1000).empty());
    CHECK(machine.log.bounds().cleared == 2);
    CHECK(*machine.log.record(0) == "6,0,12000345,-;one\n");  // for /dev/kmsg it is all there
    machine.log.append(6, "three");
    CHECK(machine.log.read_all(1000) == "<6>[   12.000345] three\n");
}

TEST_CASE("syslog's reader takes lines away, and a long one in parts", "[interface][kmsg]") {
    Log machine;
    machine.log.append(6, "one");
    machine.log.append(6, "two");
    const std::string one = "<6>[    0.000000] one\n";
    const std::string two = "<6>[    0.000000] two\n";
    CHECK(machine.log.unread_bytes() == one.size() + two.size());
    CHECK(*machine.log.read(10) == one.substr(0, 10));
    CHECK(machine.log.unread_bytes() == one.size() + two.size() - 10);
    CHECK(*machine.log.read(one.size()) == one.substr(10));
    CHECK(*machine.log.read(1000) == two);
    CHECK_FALSE(machine.log.read(1000));
    CHECK(machine.log.read_all(1000) == one + two);
}

TEST_CASE("a full ring loses its oldest lines", "[interface][kmsg]") {
    Log machine;
    const std::string text(888, 'x');
    for (int i = 0; i < 200; i++) {
        machine.log.append(6, text);
    }
    const auto bounds = machine.log.bounds();
    CHECK(bounds.end == 200);
    CHECK(bounds.end - bounds.first == KernelLog::kBytes / 1000);
    CHECK_FALSE(machine.log.record(bounds.first - 1));
    CHECK(machine.log.record(bounds.first));
    CHECK(machine.log.read(2000)->starts_with("<6>"));
}

TEST_CASE("who waits for a line is told once, who watches each time", "[interface][kmsg]") {
    Log machine;
    int told = 0;
    int watched = 0;
    machine.log.watch([&] { watched++; });
    machine.log.when_logged([&] { told++; });
    machine.log.append(6, "one");
    machine.log.append(6, "two");
    CHECK(told == 1);
    CHECK(watched == 2);
}

}  // namespace
}  // namespace memcgfs::interface
