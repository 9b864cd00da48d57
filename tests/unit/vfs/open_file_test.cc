// SPDX-License-Identifier: MIT
#include "memcgfs/vfs/open_file.h"

#include <fcntl.h>

#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

TEST_CASE("open refuses O_DIRECT and directories for writing", "[vfs]") {
    Fixture f;
    const NodeId value = f.node(kRootNode, "fake.value");
    CHECK(error_of(f.tree.open(value, O_RDONLY | O_DIRECT, f.user)) == EINVAL);
    CHECK(error_of(f.tree.open(value, O_RDWR | O_TRUNC | O_APPEND, f.user)) == 0);
    CHECK(error_of(f.tree.open(value, O_ACCMODE, f.user)) == 0);
    CHECK(error_of(f.tree.open(kRootNode, O_WRONLY, f.user)) == EISDIR);
    CHECK(error_of(f.tree.open(NodeId{0}, O_RDONLY, f.user)) == ENOENT);
}

TEST_CASE("sequential reads are served from one snapshot", "[vfs]") {
    Fixture f;
    f.provider.set_value(FakeProvider::kRoot, "12345\n");
    auto file = f.open(kRootNode, "fake.value");
    CHECK(f.read(*file, 0, 2) == "12");
    f.provider.set_value(FakeProvider::kRoot, "abcdefghi\n");
    CHECK(f.read(*file, 2, 2) == "34");
    CHECK(f.read(*file, 4) == "5\n");
    CHECK(f.read(*file, 6).empty());
    CHECK(f.read(*file, 6).empty());
    CHECK(f.provider.shows() == 1);

    CHECK(f.read(*file, 0, 3) == "abc");
    f.provider.set_value(FakeProvider::kRoot, "0123456789\n");
    CHECK(f.read(*file, 5, 2) == "56");  // not where the last read ended: made anew
    CHECK(f.read(*file, 7, 2) == "78");
    CHECK(f.read(*file, 3, 2) == "34");
    CHECK(f.provider.shows() == 4);
    CHECK(f.read(*file, 1000).empty());
    CHECK(f.provider.shows() == 5);
    CHECK(f.read(*file, 1000).empty());
    CHECK(f.provider.shows() == 5);
    CHECK(f.read(*file, 0, 0).empty());
    CHECK(f.provider.shows() == 5);
}

TEST_CASE("what was noted of the opener is that of the opening", "[vfs]") {
    Fixture f;
    f.provider.noted = 5;
    auto file = f.open(kRootNode, "fake.value");
    f.provider.noted = 6;
    CHECK(f.read(*file, 0) == "0\n");
    CHECK(f.provider.last_context().opener.noted == 5);
}

TEST_CASE("each open file has its own snapshot", "[vfs]") {
    Fixture f;
    auto first = f.open(kRootNode, "fake.value");
    auto second = f.open(kRootNode, "fake.value");
    CHECK(f.read(*first, 0, 1) == "0");
    f.provider.set_value(FakeProvider::kRoot, "xy\n");
    CHECK(f.read(*second, 0, 1) == "x");
    CHECK(f.read(*first, 1) == "\n");
    CHECK(f.read(*second, 1) == "y\n");
}

TEST_CASE("lists are read in whole lines of less than a page", "[vfs]") {
    Fixture f;
    std::string list;
    for (int pid = 100; pid < 2000; pid++) {
        list += std::to_string(pid) + "\n";
    }
    f.provider.set_list(list);
    auto file = f.open(kRootNode, "tasks");
    std::string whole;
    std::size_t reads = 0;
    while (true) {
        const std::string piece = f.read(*file, whole.size(), 65536);
        if (piece.empty()) {
            break;
        }
        CHECK(piece.size() <= 4096);
        CHECK(piece.back() == '\n');
        whole += piece;
        reads++;
    }
    CHECK(whole == list);
    CHECK(reads == 3);
    CHECK(f.provider.shows() == 1);
    CHECK(f.read(*file, 0, 10) == list.substr(0, 10));  // a smaller read may cut a line
    CHECK(f.read(*file, 10, 10) == list.substr(10, 10));

    f.provider.set_list(std::string(5000, '1') + "\n2\n");
    CHECK(f.read(*file, 0, 65536).size() == 5001);
}

TEST_CASE("other files come whole, however long", "[vfs]") {
    Fixture f;
    f.provider.set_value(FakeProvider::kRoot, std::string(10000, 'v'));
    auto file = f.open(kRootNode, "fake.value");
    CHECK(f.read(*file, 0, 65536).size() == 10000);
}

TEST_CASE("files without a handler fail EINVAL", "[vfs]") {
    Fixture f;
    auto write_only = f.open(kRootNode, "fake.write_only");
    auto read_only = f.open(kRootNode, "fake.read_only");
    CHECK(f.read_error(*write_only, 0) == EINVAL);
    CHECK(f.write(*read_only, "1") == EINVAL);
    CHECK(f.write(*read_only, "") == 0);
    CHECK(f.provider.stored().empty());
    auto directory = f.open_directory();
    CHECK(f.read_error(*directory, 0) == EISDIR);
}

TEST_CASE("a write is one command of limited length", "[vfs]") {
    Fixture f;
    auto value = f.open(kRootNode, "fake.value");
    CHECK(f.write(*value, std::string(4096, '1')) == 0);
    CHECK(f.write(*value, std::string(4097, '1')) == E2BIG);
    auto short_limit = f.open(kRootNode, "fake.write_only");
    CHECK(f.write(*short_limit, std::string(4095, '1')) == 0);
    CHECK(f.write(*short_limit, std::string(4096, '1')) == E2BIG);
    CHECK(f.provider.stored().size() == 2);
    CHECK(f.write(*value, "") == 0);
    CHECK(f.provider.stored().size() == 2);  // nothing is stored for nothing
    CHECK(f.write(*value, "invalid") == EINVAL);
    CHECK(f.write(*value, std::string_view("a\0b", 3)) == 0);
    CHECK(f.provider.stored().back() == std::string_view("a\0b", 3));
}

TEST_CASE("the provider sees opener and caller", "[vfs]") {
    Fixture f;
    auto file = f.open(kRootNode, "fake.value");
    REQUIRE(f.tree.write(*file, "1", Credentials{7, 8, 9}).ok());
    const FileContext context = f.provider.last_context();
    CHECK(context.dir == FakeProvider::kRoot);
    CHECK(context.file == FileIndex{kValue});
    CHECK(context.opener.uid == 1000);
    CHECK(context.opener.pid == 42);
    CHECK(context.caller.uid == 7);
    CHECK(context.caller.pid == 9);
    REQUIRE(context.state != nullptr);
}

TEST_CASE("the provider's state goes with the open file", "[vfs]") {
    struct Counted : OpenState {
        explicit Counted(int& the_count) : count(the_count) {}
        ~Counted() override { count++; }
        int& count;
    };
    Fixture f;
    int destroyed = 0;
    auto file = f.open(kRootNode, "fake.value");
    REQUIRE(f.write(*file, "1") == 0);
    *f.provider.last_context().state = std::make_unique<Counted>(destroyed);
    REQUIRE(f.write(*file, "2") == 0);
    CHECK(destroyed == 0);
    CHECK(*f.provider.last_context().state != nullptr);
    file.reset();
    CHECK(destroyed == 1);
}

TEST_CASE("open files of a removed directory fail ENODEV", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    auto read_before = f.open(a, "fake.value");
    auto fresh = f.open(a, "fake.value");
    auto write_only = f.open(a, "fake.write_only");
    auto directory = f.open_directory(a);
    CHECK(f.read(*read_before, 0, 1) == "0");
    REQUIRE(f.tree.rmdir(kRootNode, "a").ok());
    CHECK(f.read(*read_before, 1) == "\n");  // what was made is still given out
    CHECK(f.read_error(*read_before, 2) == ENODEV);
    CHECK(f.read_error(*fresh, 0) == ENODEV);
    CHECK(f.read_error(*write_only, 0) == ENODEV);
    CHECK(f.write(*fresh, "1") == ENODEV);
    CHECK(f.write(*fresh, "") == ENODEV);
    CHECK(f.write(*fresh, std::string(4097, '1')) == E2BIG);
    CHECK(error_of(f.tree.readdir(*directory, 0, 10)) == ENOENT);

    // The name's next bearer is another directory.
    f.mkdir(kRootNode, "a");
    CHECK(f.read_error(*fresh, 0) == ENODEV);
}

TEST_CASE("control goes to the provider on directories only", "[vfs]") {
    Fixture f;
    auto directory = f.open_directory();
    std::byte message[2] = {std::byte{1}, std::byte{2}};
    CHECK(error_of(f.tree.control(*directory, message, f.user)) == 0);
    CHECK(message[0] == std::byte{2});
    auto file = f.open(kRootNode, "fake.value");
    CHECK(error_of(f.tree.control(*file, message, f.user)) == ENOTTY);
}

}  // namespace
}  // namespace memcgfs::vfs::testing
