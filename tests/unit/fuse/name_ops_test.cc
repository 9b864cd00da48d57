// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <cstdio>

#include "unit/fuse/mounted.h"

namespace memcgfs::fuse::testing {
namespace {

TEST_CASE("mkdir, rmdir and the numbers of links", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    CHECK(stat_of_path(m.root).st_nlink == 2);
    CHECK(stat_of_path(m.root).st_ino == 1);
    REQUIRE(::mkdir(m.path("a").c_str(), 0755) == 0);
    CHECK(stat_of_path(m.root).st_nlink == 3);
    REQUIRE(::mkdir(m.path("a/b").c_str(), 0755) == 0);
    CHECK(stat_of_path(m.path("a")).st_nlink == 3);
    CHECK(errno_of(::mkdir(m.path("a").c_str(), 0755)) == EEXIST);
    CHECK(errno_of(::mkdir(m.path("tasks").c_str(), 0755)) == EEXIST);
    CHECK(errno_of(::mkdir(m.path("x\ny").c_str(), 0755)) == EINVAL);
    CHECK(errno_of(::mkdir(m.path("forbidden").c_str(), 0755)) == EAGAIN);
    CHECK(errno_of(::mkdir(m.path(std::string(255, 'n')).c_str(), 0755)) == 0);
    CHECK(errno_of(::rmdir(m.path("a").c_str())) == EBUSY);
    CHECK(errno_of(::rmdir(m.path("tasks").c_str())) == ENOTDIR);

    const Fd held(m.path("a/b"), O_RDONLY | O_DIRECTORY);
    const Fd file(m.path("a/b/fake.value"), O_RDWR);
    REQUIRE(::rmdir(m.path("a/b").c_str()) == 0);
    CHECK(stat_of_path(m.path("a")).st_nlink == 2);
    CHECK(errno_of(::access(m.path("a/b").c_str(), F_OK)) == ENOENT);
    CHECK(errno_of(::access(m.path("a/b/tasks").c_str(), F_OK)) == ENOENT);
    struct stat status{};
    REQUIRE(::fstat(held.get(), &status) == 0);
    CHECK(status.st_nlink == 2);
    REQUIRE(::fstat(file.get(), &status) == 0);
    CHECK(status.st_nlink == 1);
    CHECK(errno_of(::mkdirat(held.get(), "c", 0755)) == ENOENT);
    char byte = 0;
    CHECK(errno_of(::read(file.get(), &byte, 1)) == ENODEV);
    CHECK(errno_of(::write(file.get(), "1", 1)) == ENODEV);

    REQUIRE(::mkdir(m.path("a/b").c_str(), 0755) == 0);
    CHECK(read_file(m.path("a/b/fake.value")) == "0\n");
    CHECK(errno_of(::pread(file.get(), &byte, 1, 0)) == ENODEV);
}

TEST_CASE("files have the attributes of a pseudo file", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const struct stat status = stat_of_path(m.path("fake.value"));
    CHECK(status.st_mode == (S_IFREG | 0644));
    CHECK(status.st_size == 0);
    CHECK(status.st_blocks == 0);
    CHECK(status.st_blksize == 4096);
    CHECK(status.st_ino == 2);
    CHECK(status.st_mtim.tv_sec == 100);
    {
        const Fd fd(m.path("fake.value"), O_RDWR);
        CHECK(::write(fd.get(), "12345678\n", 9) == 9);
        CHECK(stat_of_path(m.path("fake.value")).st_size == 0);
        CHECK(::lseek(fd.get(), 0, SEEK_END) == 0);
        CHECK(errno_of(::lseek(fd.get(), 0, SEEK_DATA)) == ENXIO);
        CHECK(::ftruncate(fd.get(), 100) == 0);
        CHECK(::fsync(fd.get()) == 0);
        CHECK(errno_of(::fallocate(fd.get(), 0, 0, 10)) == EOPNOTSUPP);
    }
    CHECK(::truncate(m.path("fake.value").c_str(), 5) == 0);
    CHECK(stat_of_path(m.path("fake.value")).st_size == 0);
    CHECK(read_file(m.path("fake.value")) == "12345678\n");

    REQUIRE(::chmod(m.path("fake.value").c_str(), 04777) == 0);
    REQUIRE(::chown(m.path("fake.read_only").c_str(), 5, 6) == 0);
    const timespec times[2] = {{7, 0}, {8, 0}};
    REQUIRE(::utimensat(AT_FDCWD, m.path("tasks").c_str(), times, 0) == 0);
    CHECK(stat_of_path(m.path("fake.value")).st_mode == (S_IFREG | 04777));
    CHECK(stat_of_path(m.path("fake.read_only")).st_uid == 5);
    CHECK(stat_of_path(m.path("tasks")).st_atim.tv_sec == 7);
    CHECK(stat_of_path(m.path("tasks")).st_mtim.tv_sec == 8);

    struct statvfs fs{};
    REQUIRE(::statvfs(m.root.c_str(), &fs) == 0);
    CHECK(fs.f_bsize == 4096);
    CHECK(fs.f_blocks == 0);
    CHECK(fs.f_namemax == 255);
}

TEST_CASE("names cannot be made but by mkdir", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const auto open_error = [&](const std::string& name, int flags) {
        const Fd fd(m.path(name), flags);
        return errno_of(fd.get());
    };
    CHECK(open_error("new", O_CREAT | O_WRONLY) == EACCES);
    CHECK(open_error("new", O_CREAT | O_EXCL | O_WRONLY) == EACCES);
    CHECK(open_error("tasks", O_CREAT | O_WRONLY | O_TRUNC) == 0);
    CHECK(open_error("tasks", O_CREAT | O_EXCL | O_WRONLY) == EEXIST);
    CHECK(open_error("tasks", O_RDONLY | O_DIRECT) == EINVAL);
    CHECK(open_error("tasks", O_RDONLY | O_DIRECTORY) == ENOTDIR);
    CHECK(open_error("", O_RDWR | O_TMPFILE) == EOPNOTSUPP);
    CHECK(open_error("", O_WRONLY) == EISDIR);
    CHECK(open_error("none", O_RDONLY) == ENOENT);
    CHECK(errno_of(::mknod(m.path("n").c_str(), S_IFREG | 0644, 0)) == EACCES);
    CHECK(errno_of(::mknod(m.path("n").c_str(), S_IFIFO | 0644, 0)) == EPERM);
    CHECK(errno_of(::symlink("x", m.path("n").c_str())) == EPERM);
    CHECK(errno_of(::link(m.path("tasks").c_str(), m.path("n").c_str())) == EPERM);
    CHECK(errno_of(::unlink(m.path("tasks").c_str())) == EPERM);
    CHECK(errno_of(::unlink(m.root.c_str())) == EISDIR);
}

TEST_CASE("rename follows the provider", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    REQUIRE(::mkdir(m.path("a").c_str(), 0755) == 0);
    REQUIRE(::mkdir(m.path("b").c_str(), 0755) == 0);
    const auto rename = [&](const char* from, const char* to) {
        return errno_of(std::rename(m.path(from).c_str(), m.path(to).c_str()));
    };
    CHECK(rename("a", "x") == EPERM);
    CHECK(rename("tasks", "x") == EPERM);
    m.provider.set_renames(true);
    CHECK(rename("tasks", "x") == ENOTDIR);
    CHECK(rename("a", "b/a") == EIO);
    CHECK(rename("a", "b") == EEXIST);
    CHECK(rename("a", "a") == 0);
    CHECK(rename("a", "x") == 0);
    CHECK(read_file(m.path("x/fake.value")) == "0\n");
    CHECK(errno_of(::access(m.path("a").c_str(), F_OK)) == ENOENT);
    CHECK(errno_of(::renameat2(AT_FDCWD, m.path("x").c_str(), AT_FDCWD, m.path("b").c_str(),
                               RENAME_EXCHANGE)) == EINVAL);
}

TEST_CASE("xattrs go through", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string path = m.path("tasks");
    char buffer[70000];
    CHECK(errno_of(::getxattr(path.c_str(), "user.x", buffer, sizeof(buffer))) == ENODATA);
    CHECK(::setxattr(path.c_str(), "user.x", "abc", 3, 0) == 0);
    CHECK(::getxattr(path.c_str(), "user.x", nullptr, 0) == 3);
    CHECK(::getxattr(path.c_str(), "user.x", buffer, sizeof(buffer)) == 3);
    CHECK(errno_of(::getxattr(path.c_str(), "user.x", buffer, 2)) == ERANGE);
    CHECK(errno_of(::setxattr(path.c_str(), "user.x", "abc", 3, XATTR_CREATE)) == EEXIST);
    CHECK(::setxattr(m.root.c_str(), "trusted.y", buffer, 65536, 0) == 0);
    CHECK(errno_of(::setxattr(m.root.c_str(), "trusted.y", buffer, 65537, 0)) == E2BIG);
    CHECK(errno_of(::setxattr(path.c_str(), "plain", "1", 1, 0)) == EOPNOTSUPP);
    CHECK(::listxattr(path.c_str(), buffer, sizeof(buffer)) == 7);
    CHECK(std::string(buffer) == "user.x");
    CHECK(::removexattr(path.c_str(), "user.x") == 0);
    CHECK(::listxattr(path.c_str(), buffer, sizeof(buffer)) == 0);
}

TEST_CASE("a file that vanishes is not found in any cache", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string path = m.path("fake.optional");
    CHECK(errno_of(::access(path.c_str(), F_OK)) == ENOENT);
    m.provider.set_optional(FakeProvider::kRoot, true);
    const ino_t first = stat_of_path(path).st_ino;
    const Fd fd(path, O_RDONLY);
    CHECK(read_all(fd.get()) == "0\n");
    m.provider.set_optional(FakeProvider::kRoot, false);
    CHECK(errno_of(::access(path.c_str(), F_OK)) == ENOENT);
    m.provider.set_optional(FakeProvider::kRoot, true);
    CHECK(stat_of_path(path).st_ino != first);
    CHECK(read_file(path) == "0\n");
    char byte = 0;
    CHECK(errno_of(::pread(fd.get(), &byte, 1, 0)) == ENODEV);
}

}  // namespace
}  // namespace memcgfs::fuse::testing
