// SPDX-License-Identifier: MIT
#include <poll.h>

#include <cerrno>

#include "proc_fixture.h"

namespace memcgfs::interface {
namespace {

constexpr std::string_view kKmsg = "/dev/kmsg";

/// One open file of the log, with the position that the kernel keeps for it.
class Reader {
public:
    explicit Reader(ProcFixture& machine) : machine_(machine), file_(machine.open(kKmsg)) {}

    /// The record, or the name of the error; "waits" and the operation for later.
    std::string read(bool may_wait = false, std::size_t size = 8192) {
        read_ = {.offset = position,
                 .size = size,
                 .may_wait = may_wait,
                 .record = std::make_shared<std::string>()};
        auto outcome = machine_.proc.tree().read_record(*file_, read_, machine_.who);
        if (!outcome.ok()) {
            return std::string(errno_name(outcome.error()));
        }
        if (outcome->operation != nullptr) {
            operation = std::move(outcome->operation);
            return "waits";
        }
        return taken();
    }
    std::string taken() {
        position += read_.record->size();
        return *read_.record;
    }
    void seek(vfs::RecordPlace place) {
        machine_.proc.tree().seek_record(*file_, place, machine_.who);
        position = 0;
    }
    short poll(std::function<void()> changed = {}) {
        return machine_.proc.tree().poll(*file_, std::move(changed));
    }

    std::uint64_t position = 0;
    std::unique_ptr<Operation> operation;

private:
    ProcFixture& machine_;
    std::unique_ptr<vfs::OpenFile> file_;
    vfs::RecordRead read_;
};

TEST_CASE("a read of the log is one record", "[interface][kmsg]") {
    ProcFixture machine("6.12");
    Reader reader(machine);
    CHECK(reader.read() == "EAGAIN");
    CHECK(machine.echo(kKmsg, "<6>one\n") == kOk);
    CHECK(machine.echo(kKmsg, "<6>two\n") == kOk);
    CHECK(reader.read(false, 5) == "EINVAL");
    CHECK(reader.read() == "14,0,0,-;one\n");
    CHECK(reader.read() == "14,1,0,-;two\n");
    CHECK(reader.read() == "EAGAIN");
    reader.position = 0;  // lseek(SEEK_SET)
    CHECK(reader.read() == "14,0,0,-;one\n");
    Reader other(machine);
    CHECK(other.read() == "14,0,0,-;one\n");
}

TEST_CASE("a line can be so long, and no longer", "[interface][kmsg]") {
    const auto [profile, most] = GENERATE(std::pair{"6.1", 992}, std::pair{"6.12", 1024});
    ProcFixture machine(profile);
    CHECK(machine.echo(kKmsg, std::string(static_cast<std::size_t>(most), 'x')) == kOk);
    CHECK(machine.echo(kKmsg, std::string(static_cast<std::size_t>(most) + 1, 'x')) == "EINVAL");
}

TEST_CASE("the log can be sought to its end, and to where it was cleared", "[interface][kmsg]") {
    ProcFixture machine("6.12");
    Reader reader(machine);
    for (const char* text : {"one\n", "two\n"}) {
        REQUIRE(machine.echo(kKmsg, text) == kOk);
    }
    reader.seek(vfs::RecordPlace::kEnd);
    CHECK(machine.echo(kKmsg, "three\n") == kOk);
    CHECK(reader.read() == "12,2,0,-;three\n");
    machine.log.clear();
    reader.seek(vfs::RecordPlace::kData);
    CHECK(reader.read() == "EAGAIN");
    CHECK(machine.echo(kKmsg, "four\n") == kOk);
    CHECK(reader.read() == "12,3,0,-;four\n");
}

TEST_CASE("a reader that waits is woken by a line, or a signal", "[interface][kmsg]") {
    ProcFixture machine("6.12");
    Reader reader(machine);
    REQUIRE(reader.read(true) == "waits");
    CHECK(reader.operation->step().kind == Step::Kind::kWait);
    CHECK(machine.woken.empty());
    machine.log.append(4, "one");
    CHECK(machine.woken == std::vector<OperationId>{reader.operation->id()});
    CHECK(reader.operation->step().kind == Step::Kind::kDone);
    CHECK(reader.operation->result().ok());
    CHECK(reader.taken() == "4,0,0,-;one\n");

    REQUIRE(reader.read(true) == "waits");
    CHECK(reader.operation->step().kind == Step::Kind::kWait);
    reader.operation->interrupt();
    CHECK(reader.operation->step().kind == Step::Kind::kDone);
    CHECK(reader.operation->result().error() == Errno::kEINTR);
}

TEST_CASE("the log polls as readable when there is something to read", "[interface][kmsg]") {
    ProcFixture machine("6.12");
    Reader reader(machine);
    int changed = 0;
    CHECK(reader.poll([&] { changed++; }) == 0);
    machine.log.append(4, "one");
    CHECK(changed == 1);
    CHECK(reader.poll() == (POLLIN | POLLRDNORM));
    CHECK(reader.read() == "4,0,0,-;one\n");
    CHECK(reader.poll() == 0);
}

TEST_CASE("a reader that was too slow hears of it once", "[interface][kmsg]") {
    ProcFixture machine("6.12");
    Reader reader(machine);
    machine.log.append(4, "one");
    CHECK(reader.read() == "4,0,0,-;one\n");
    for (int i = 0; i < 500; i++) {
        machine.log.append(4, std::string(900, 'x'));
    }
    CHECK(reader.poll() == (POLLIN | POLLRDNORM | POLLERR | POLLPRI));
    CHECK(reader.read() == errno_name(Errno{EPIPE}));
    CHECK(reader.read().starts_with("4," + std::to_string(machine.log.bounds().first) + ","));
}

}  // namespace
}  // namespace memcgfs::interface
