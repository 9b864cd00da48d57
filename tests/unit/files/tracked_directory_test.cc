// SPDX-License-Identifier: MIT
#include "memcgfs/files/tracked_directory.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <set>

#include "unit/files/tracked_fixture.h"

namespace memcgfs::files::testing {
namespace {

TEST_CASE("a write is in the real file and costs dirty cache", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    CHECK(t.write(file, 0, std::string(5000, 'x')).value() == 5000);
    CHECK(t.real.content("a") == std::string(5000, 'x'));
    CHECK(t.cache() == 2);
    CHECK(t.dirty() == 2);
    REQUIRE(t.end(t.fs->sync(Tracked::access(file, 0, 0), false)).ok());
    CHECK(t.cache() == 2);
    CHECK(t.dirty() == 0);
    CHECK(t.read(file, 4990, 100).value() == std::string(10, 'x'));
    t.f.engine.check_invariants();
}

TEST_CASE("a read costs clean cache, once", "[files]") {
    Tracked t;
    t.real.put("a", std::string(10 * kPage + 1, 'r'));
    const auto entry = t.fs->lookup({kRootInode, "a"}).value();
    const FileSystem::Created file{entry, t.fs->open(entry.inode, O_RDONLY).value()};
    CHECK(t.read(file, 0, 8 * kPage).value() == std::string(8 * kPage, 'r'));
    CHECK(t.cache() == 8);
    CHECK(t.read(file, 8 * kPage, 100 * kPage).value().size() == 2 * kPage + 1);
    CHECK(t.cache() == 11);
    CHECK(t.read(file, 0, kPage).ok());
    CHECK(t.cache() == 11);
    CHECK(t.dirty() == 0);
    CHECK(t.read(file, 100 * kPage, 1).value().empty());
    CHECK(t.cache() == 11);
}

TEST_CASE("reclaim changes the books and no file", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    REQUIRE(t.f.run(t.f.engine.set_memory_max(*t.group.memcg, Pages{100})).ok());
    std::string text;
    for (int i = 0; i < 40; i++) {
        const std::string part(16 * kPage, static_cast<char>('a' + i % 26));
        REQUIRE(t.write(file, text.size(), part).ok());
        text += part;
    }
    CHECK(t.cache() <= 100);
    CHECK(t.real.content("a") == text);
    CHECK(t.f.sink.killed.empty());
    for (std::uint64_t at = 0; at < text.size(); at += 16 * kPage) {
        REQUIRE(t.read(file, at, 16 * kPage).value() == text.substr(at, 16 * kPage));
    }
    CHECK(t.cache() <= 100);
    t.f.engine.check_invariants();
}

TEST_CASE("what a file loses is uncharged", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    REQUIRE(t.write(file, 0, std::string(8 * kPage, 'x')).ok());
    SECTION("cut") {
        REQUIRE(t.fs->setattr(file.entry.inode, {.size = 2 * kPage + 1}, std::nullopt).ok());
        CHECK(t.cache() == 3);
        CHECK(t.real.status("a").st_size == 2 * kPage + 1);
    }
    SECTION("cut by an open file, and made longer") {
        REQUIRE(t.fs->setattr(file.entry.inode, {.size = kPage}, file.handle).ok());
        REQUIRE(t.fs->setattr(file.entry.inode, {.size = 9 * kPage}, file.handle).ok());
        CHECK(t.cache() == 1);
    }
    SECTION("cut by somebody else, and opened") {
        REQUIRE(truncate(t.real.of("a").c_str(), kPage) == 0);
        const Handle second = t.fs->open(file.entry.inode, O_RDONLY).value();
        CHECK(t.cache() == 1);
        t.fs->close(file.entry.inode, second);
    }
    SECTION("a hole") {
        REQUIRE(t.end(t.fs->allocate(Tracked::access(file, kPage + 1, 3 * kPage),
                                     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
                    .ok());
        CHECK(t.cache() == 6);
        CHECK(t.read(file, kPage, 2).value() == std::string("x\0", 2));
        CHECK(t.cache() == 6);
    }
    SECTION("its name, and its last descriptor") {
        REQUIRE(t.fs->unlink({kRootInode, "a"}).ok());
        CHECK(t.cache() == 8);
        t.fs->close(file.entry.inode, file.handle);
        CHECK(t.cache() == 0);
    }
    SECTION("its name to another") {
        t.fs->close(file.entry.inode, file.handle);
        const auto other = t.create("b");
        REQUIRE(t.write(other, 0, "new").ok());
        CHECK(t.cache() == 9);
        REQUIRE(t.fs->rename({kRootInode, "b"}, {kRootInode, "a"}, 0).ok());
        CHECK(t.cache() == 1);
        CHECK(t.real.content("a") == "new");
    }
    SECTION("one of its names, then the other") {
        t.fs->close(file.entry.inode, file.handle);
        REQUIRE(t.fs->link(file.entry.inode, {kRootInode, "b"}).ok());
        REQUIRE(t.fs->unlink({kRootInode, "a"}).ok());
        CHECK(t.cache() == 8);
        REQUIRE(t.fs->unlink({kRootInode, "b"}).ok());
        CHECK(t.cache() == 0);
    }
    SECTION("all with the mount") {
        t.fs.reset();
        CHECK(t.cache() == 0);
        CHECK(t.real.content("a") == std::string(8 * kPage, 'x'));
    }
    CHECK((!t.fs || t.flushes > 0));
    t.f.engine.check_invariants();
}

TEST_CASE("cache outlives the kernel's knowledge of a file, up to a number of files", "[files]") {
    Tracked t(2);
    for (const char* name : {"a", "b", "c"}) {
        const auto file = t.create(name);
        REQUIRE(t.write(file, 0, std::string(4 * kPage, 'x')).ok());
        t.close(file);
    }
    CHECK(t.cache() == 8);  // a has been forgotten
    const auto entry = t.fs->lookup({kRootInode, "b"}).value();
    const FileSystem::Created file{entry, t.fs->open(entry.inode, O_RDONLY).value()};
    REQUIRE(t.read(file, 0, 4 * kPage).ok());
    CHECK(t.cache() == 8);
    t.close(file);
    std::filesystem::remove(t.real.of("c"));
    t.fs->forget(t.fs->lookup({kRootInode, "b"}).value().inode, 1);
    t.f.engine.check_invariants();
}

TEST_CASE("a write that cannot be charged writes nothing", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    REQUIRE(t.write(file, 0, "abc").ok());
    REQUIRE(t.f.run(t.f.engine.set_memory_max(*t.group.memcg, Pages{64})).ok());
    const engine::TaskId other = t.f.add_task(t.group, -1000);
    REQUIRE(t.f.anon(other, 64).ok());
    CHECK_FALSE(t.write(file, 3, std::string(kPage, 'y')).ok());
    CHECK(t.f.sink.killed == std::vector{kPid});
    CHECK(t.real.content("a") == "abc");
    CHECK(t.cache() == 0);
}

TEST_CASE("zeros take no room on the disk", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    const std::string zeros(32 * kPage, '\0');
    REQUIRE(t.write(file, 0, zeros).ok());
    REQUIRE(t.write(file, zeros.size(), zeros).ok());
    CHECK(t.cache() == 64);
    CHECK(t.real.status("a").st_size == 64 * kPage);
    CHECK(t.real.status("a").st_blocks == 0);
    CHECK(t.read(file, 10, 2 * kPage).value() == std::string(2 * kPage, '\0'));
    SECTION("but take others' place") {
        REQUIRE(t.write(file, kPage, "data").ok());
        REQUIRE(t.write(file, kPage + 1, std::string(2, '\0')).ok());
        CHECK(t.read(file, kPage, 5).value() == std::string("d\0\0a\0", 5));
    }
    SECTION("across the end") {
        REQUIRE(t.write(file, 64 * kPage - 2, "yy").ok());
        REQUIRE(t.write(file, 64 * kPage - 1, std::string(kPage, '\0')).ok());
        CHECK(t.real.status("a").st_size == 65 * kPage - 1);
        CHECK(t.read(file, 64 * kPage - 3, 4).value() == std::string("\0y\0\0", 4));
    }
    SECTION("are a change all the same") {
        const std::array<timespec, 2> old = {timespec{1, 0}, timespec{1, 0}};
        REQUIRE(utimensat(AT_FDCWD, t.real.of("a").c_str(), old.data(), 0) == 0);
        REQUIRE(t.write(file, 0, zeros).ok());
        CHECK(t.real.status("a").st_mtim.tv_sec > 1);
        CHECK(t.real.status("a").st_size == 64 * kPage);
    }
}

TEST_CASE("an appended write goes where the file ends", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    REQUIRE(t.write(file, 0, "one").ok());
    t.real.put("a", "longer");
    for (const std::string_view text : {std::string_view("two"), std::string_view("\0\0", 2)}) {
        auto access = Tracked::access(file, 1, text.size());
        access.append = true;
        REQUIRE(t.end(t.fs->write(access, bytes_of(text))).value() == text.size());
    }
    CHECK(t.real.content("a") == std::string("longertwo\0\0", 11));
}

TEST_CASE("names are the real directory's", "[files]") {
    Tracked t;
    const NewInode directory{.mode = S_IFDIR | 0777, .uid = getuid(), .gid = getgid()};
    const auto sub = t.fs->make({kRootInode, "sub"}, directory).value();
    CHECK((t.real.status("sub").st_mode & 07777U) == 0777);  // whatever the umask here
    CHECK(sub.status.st_ino == t.real.status("sub").st_ino);
    NewInode symlink{.mode = S_IFLNK | 0777, .uid = getuid(), .gid = getgid()};
    symlink.target = "../x";
    const auto link = t.fs->make({sub.inode, "link"}, symlink).value();
    CHECK(t.fs->readlink(link.inode).value() == "../x");
    CHECK(t.fs->link(link.inode, {kRootInode, "hard"}).value().inode == link.inode);
    const NewInode fifo{.mode = S_IFIFO | 0600, .uid = getuid(), .gid = getgid()};
    CHECK(S_ISFIFO(t.fs->make({kRootInode, "fifo"}, fifo).value().status.st_mode));
    CHECK(error_of(t.fs->lookup({kRootInode, "none"})) == ENOENT);
    CHECK(error_of(t.fs->make({kRootInode, "sub"}, directory)) == EEXIST);
    CHECK(error_of(t.fs->rmdir({kRootInode, "sub"})) == ENOTEMPTY);
    CHECK(error_of(t.fs->unlink({kRootInode, "sub"})) == EISDIR);
    CHECK(error_of(t.fs->rename({kRootInode, "fifo"}, {kRootInode, "hard"}, RENAME_NOREPLACE)) ==
          EEXIST);
    REQUIRE(t.fs->rename({kRootInode, "fifo"}, {kRootInode, "sub"}, RENAME_EXCHANGE).ok());
    CHECK(S_ISFIFO(t.real.status("sub").st_mode));
    REQUIRE(t.fs->unlink({sub.inode, "link"}).ok());
    REQUIRE(t.fs->rmdir({kRootInode, "fifo"}).ok());
    REQUIRE(t.fs->unlink({kRootInode, "sub"}).ok());
    t.fs->forget(sub.inode, 1);
    CHECK(error_of(t.fs->getattr(sub.inode)) == ENOENT);
}

TEST_CASE("a listing goes on where it ended", "[files]") {
    Tracked t;
    std::set<std::string> wanted = {".", ".."};
    for (int i = 0; i < 50; i++) {
        t.real.put("f" + std::to_string(i), "");
        wanted.insert("f" + std::to_string(i));
    }
    const Handle handle = t.fs->open_directory(kRootInode).value();
    std::set<std::string> found;
    off_t place = 0;
    for (;;) {
        const auto part = t.fs->list(kRootInode, handle, place, 7).value();
        if (part.empty()) {
            break;
        }
        const std::size_t used = std::min<std::size_t>(part.size(), 5);  // the rest had no room
        for (std::size_t i = 0; i < used; i++) {
            CHECK(found.insert(part[i].name).second);
            place = part[i].next;
        }
    }
    CHECK(found == wanted);
    CHECK(t.fs->list(kRootInode, handle, 0, 100).value().size() == wanted.size());
    t.fs->close_directory(kRootInode, handle);
}

TEST_CASE("attributes are the real file's", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    const auto changed = t.fs->setattr(
        file.entry.inode, {.mode = 0600, .accessed = timespec{5, 6}, .modified = timespec{7, 8}},
        std::nullopt);
    CHECK((changed.value().st_mode & 07777U) == 0600);
    const struct stat real = t.real.status("a");
    CHECK(real.st_atim.tv_sec == 5);
    CHECK(real.st_mtim.tv_nsec == 8);
    CHECK((real.st_mode & 07777U) == 0600);
    CHECK(t.fs->getattr(file.entry.inode).value().st_ino == real.st_ino);
    CHECK(t.fs->statfs(kRootInode).value().f_bsize > 0);
    const auto set = t.fs->setxattr(file.entry.inode, "user.a", "value", 0);
    if (!set.ok() && set.error() == Errno::kEOPNOTSUPP) {
        WARN("the file system of /tmp has no extended attributes");
        return;
    }
    CHECK(t.fs->getxattr(file.entry.inode, "user.a").value() == "value");
    CHECK(t.fs->listxattr(file.entry.inode).value().find(std::string("user.a\0", 7)) !=
          std::string::npos);
    CHECK(error_of(t.fs->setxattr(file.entry.inode, "user.a", "", XATTR_CREATE)) == EEXIST);
    REQUIRE(t.fs->removexattr(file.entry.inode, "user.a").ok());
    CHECK(error_of(t.fs->getxattr(file.entry.inode, "user.a")) == ENODATA);
}

TEST_CASE("owners without a number are shown as somebody who has one", "[files]") {
    constexpr std::uint32_t kShownAs = 4711;
    const TrackedDirectory::Stranger user{getuid(), kShownAs};
    Tracked t(TrackedDirectory::Options{.user = user, .group = {}});
    const auto file = t.create("a");
    CHECK(file.entry.status.st_uid == kShownAs);
    CHECK(file.entry.status.st_gid == t.real.status("a").st_gid);
    CHECK(t.fs->getattr(file.entry.inode).value().st_uid == kShownAs);
    CHECK(t.real.status("a").st_uid == getuid());
}

TEST_CASE("a file without a name", "[files]") {
    Tracked t;
    const auto made = t.fs->create_unnamed(
        kRootInode, {.mode = S_IFREG | 0640, .uid = getuid(), .gid = getgid()}, O_RDWR);
    if (!made.ok() && made.error() == Errno::kEOPNOTSUPP) {
        WARN("the file system of /tmp has no such files");
        return;
    }
    REQUIRE(t.write(*made, 0, std::string(3 * kPage, 'x')).ok());
    CHECK(t.cache() == 3);
    SECTION("ends with its descriptor") {
        t.close(*made);
        CHECK(t.cache() == 0);
    }
    SECTION("or is given one") {
        REQUIRE(t.fs->link(made->entry.inode, {kRootInode, "a"}).ok());
        t.fs->close(made->entry.inode, made->handle);
        CHECK(t.cache() == 3);
        CHECK(t.real.content("a").size() == 3 * kPage);
    }
}

TEST_CASE("who else uses a file's cache is told which it is", "[files]") {
    Tracked t;
    const auto file = t.create("a");
    const auto mapping = t.fs->cache_of(t.real.status("a").st_ino);
    REQUIRE(mapping);
    REQUIRE(t.write(file, 0, std::string(kPage, 'x')).ok());
    CHECK(t.fs->cache_of(t.real.status("a").st_ino) == mapping);
    CHECK(t.f.engine.drop_mapping(*mapping) == 0);  // dirty
    CHECK_FALSE(t.fs->cache_of(1));
    t.fs->setattr(file.entry.inode, {.size = 0}, std::nullopt).value();
    CHECK(t.cache() == 0);
}

}  // namespace
}  // namespace memcgfs::files::testing
