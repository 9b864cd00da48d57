// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/session.h"

#include <sys/mount.h>

#include "unit/fuse/mounted.h"

namespace memcgfs::fuse::testing {
namespace {

TEST_CASE("an attached session serves what someone else has mounted", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    std::string root = "/tmp/memcgfs-test-XXXXXX";
    REQUIRE(::mkdtemp(root.data()) != nullptr);
    Fd device("/dev/fuse", O_RDWR);
    const std::string options = "fd=" + std::to_string(device.get()) +
                                ",rootmode=40000,user_id=0,group_id=0,default_permissions";
    REQUIRE(::mount("test", root.c_str(), "fuse.test", 0, options.c_str()) == 0);

    FakeProvider provider;
    vfs::Tree tree(
        provider, [] { return timespec{100, 0}; }, vfs::Tree::Options{.root = FakeProvider::kRoot});
    TestRunner runner;
    spdlog::logger logger = make_null_logger();
    auto session = Session::attach(device.release(), tree, runner, {}, logger);
    REQUIRE(session.ok());
    bool ended_well = false;
    std::thread serving([&] { ended_well = (*session)->run().ok(); });
    CHECK(read_file(root + "/fake.value") == "0\n");
    CHECK(::umount2(root.c_str(), 0) == 0);
    serving.join();  // the unmount ends it
    CHECK(ended_well);
    session.value().reset();
    CHECK(::rmdir(root.c_str()) == 0);
}

TEST_CASE("a mount that cannot be made is explained in a sentence", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    FakeProvider provider;
    vfs::Tree tree(
        provider, [] { return timespec{100, 0}; }, vfs::Tree::Options{.root = FakeProvider::kRoot});
    TestRunner runner;
    spdlog::logger logger = make_null_logger();
    const auto why = [&](const std::string& mount_point) {
        Session::Options options;
        options.mount_point = mount_point;
        const auto made = Session::create(tree, runner, options, logger);
        return made.ok() ? std::string() : made.error();
    };
    CHECK(why("/tmp/memcgfs-test-none/x").find("mkdir -p") != std::string::npos);
    CHECK(why("/dev/null").find("not a directory") != std::string::npos);
    Mounted m;
    CHECK(why(m.root).find("in use by another memcgfs") != std::string::npos);
}

TEST_CASE("a session that is never run unmounts", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    std::string root = "/tmp/memcgfs-test-XXXXXX";
    REQUIRE(::mkdtemp(root.data()) != nullptr);
    FakeProvider provider;
    vfs::Tree tree(
        provider, [] { return timespec{100, 0}; }, vfs::Tree::Options{.root = FakeProvider::kRoot});
    TestRunner runner;
    spdlog::logger logger = make_null_logger();
    Session::Options options;
    options.mount_point = root;
    options.fs_name = "with,comma\\";
    REQUIRE(Session::create(tree, runner, options, logger).ok());
    CHECK(::rmdir(root.c_str()) == 0);
}

}  // namespace
}  // namespace memcgfs::fuse::testing
