// SPDX-License-Identifier: MIT
//
// What a session whose kernel checks no permissions lets other users do.
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <vector>

#include "unit/fuse/mounted.h"

namespace memcgfs::fuse::testing {
namespace {

constexpr uid_t kUser = 4321;
constexpr gid_t kGroup = 4322;
constexpr gid_t kOtherGroup = 4323;

/// Effective capabilities alone, by the number of one.
void keep_only(unsigned capability) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    ::syscall(SYS_capget, &header, data.data());
    data[0].effective = 1U << capability;
    data[1].effective = 0;
    ::syscall(SYS_capset, &header, data.data());
}

/// What `call` gives in a child that `become` has made somebody: its exit status.
template <class Become, class Call>
int in_child(Become become, Call call) {
    const pid_t child = ::fork();
    if (child == 0) {
        become();
        ::_exit(call());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void become_user(const std::vector<gid_t>& groups) {
    if (::setgroups(groups.size(), groups.data()) != 0 ||
        ::setresgid(kGroup, kGroup, kGroup) != 0 || ::setresuid(kUser, kUser, kUser) != 0) {
        ::_exit(255);
    }
}

template <class Call>
int as_user(Call call, const std::vector<gid_t>& groups = {}) {
    return in_child([&] { become_user(groups); }, call);
}

int open_error(const std::string& path, int flags) {
    const Fd fd(path, flags);
    return errno_of(fd.get());
}

void change(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
    REQUIRE(::chown(path.c_str(), uid, gid) == 0);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

TEST_CASE("files are opened as their modes say", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string file = m.path("fake.value");
    const auto errors = [&](mode_t mode, uid_t uid, gid_t gid, std::vector<gid_t> groups = {}) {
        change(file, mode, uid, gid);
        std::string text;
        for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC}) {
            const int error = as_user([&] { return open_error(file, flags); }, groups);
            text += error == 0 ? 'y' : error == EACCES ? 'n' : '?';
        }
        return text;
    };
    CHECK(errors(0600, 0, 0) == "nnnn");
    CHECK(errors(0644, 0, 0) == "ynnn");
    CHECK(errors(0666, 0, 0) == "yyyy");
    CHECK(errors(0200, kUser, 0) == "nynn");
    CHECK(errors(0600, kUser, 0) == "yyyy");
    CHECK(errors(0066, kUser, 0) == "nnnn");
    CHECK(errors(0660, 0, kGroup) == "yyyy");
    CHECK(errors(0606, 0, kGroup) == "nnnn");
    CHECK(errors(0660, 0, kOtherGroup) == "nnnn");
    CHECK(errors(0660, 0, kOtherGroup, {7, kOtherGroup}) == "yyyy");
    change(file, 0, 0, 0);
    CHECK(open_error(file, O_RDWR) == 0);
}

TEST_CASE("directories are changed by who may write to them", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    REQUIRE(::mkdir(m.path("d").c_str(), 0755) == 0);
    REQUIRE(::mkdir(m.path("d/old").c_str(), 0755) == 0);
    m.provider.set_renames(true);
    const std::string made = m.path("d/new");
    const auto errors = [&] {
        return as_user([&] {
            const int make = errno_of(::mkdir(made.c_str(), 0755));
            const int rename = errno_of(std::rename(m.path("d/old").c_str(), made.c_str()));
            const int link = errno_of(::symlink("x", m.path("d/link").c_str()));
            const int remove =
                errno_of(::rmdir(make == 0 ? made.c_str() : m.path("d/old").c_str()));
            return make == EACCES && rename == EACCES && link == EACCES && remove == EACCES ? 1
                   : make == 0 && rename == EEXIST && link == EPERM && remove == 0          ? 2
                                                                                            : 0;
        });
    };
    CHECK(errors() == 1);
    change(m.path("d"), 0666, 0, 0);
    CHECK(errors() == 1);
    change(m.path("d"), 0777, 0, 0);
    CHECK(errors() == 2);
    change(m.path("d"), 0300, kUser, 0);
    CHECK(errors() == 2);
    CHECK(as_user([&] { return open_error(m.path("d"), O_RDONLY | O_DIRECTORY); }) == EACCES);
    CHECK(as_user([&] {
              ::umask(027);
              return errno_of(::mkdir(made.c_str(), 02777));
          }) == 0);
    const struct stat status = stat_of_path(made);
    CHECK(status.st_mode == (S_IFDIR | 0750));
    CHECK(status.st_uid == kUser);
    CHECK(status.st_gid == kGroup);
}

TEST_CASE("a directory that has been walked can be closed", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    REQUIRE(::mkdir(m.path("d").c_str(), 0755) == 0);
    REQUIRE(::mkdir(m.path("d/e").c_str(), 0755) == 0);
    const std::string file = m.path("d/e/fake.value");
    const auto read_as_user = [&] { return as_user([&] { return open_error(file, O_RDONLY); }); };
    const Fd standing(m.path("d/e"), O_RDONLY | O_DIRECTORY);
    const Fd opened(file, O_RDONLY);
    for (int i = 0; i < 3; i++) {
        CHECK(read_as_user() == 0);
        REQUIRE(::chmod(m.path("d").c_str(), 0700) == 0);
        CHECK(read_as_user() == EACCES);
        CHECK(open_error(file, O_RDONLY) == 0);
        CHECK(read_as_user() == EACCES);
        CHECK(as_user([&] { return errno_of(::chdir(m.path("d").c_str())); }) == EACCES);
        CHECK(as_user([&] { return errno_of(::access(m.path("d/e").c_str(), F_OK)); }) == EACCES);
        CHECK(as_user([&] { return errno_of(::access(m.path("d").c_str(), R_OK)); }) == EACCES);
        CHECK(as_user([&] { return errno_of(::access(m.path("d").c_str(), F_OK)); }) == 0);
        // Who is in it already goes on from there.
        CHECK(as_user([&] {
                  const Fd inner(::openat(standing.get(), "fake.value", O_RDONLY));
                  return errno_of(inner.get());
              }) == 0);
        REQUIRE(::chmod(m.path("d").c_str(), 0755) == 0);
    }
}

/// What a process that opens a file again and again tells of it, and is told.
struct Watch {
    std::atomic<int> turn;  ///< odd: the directory is closed
    std::atomic<int> refused;
    std::atomic<int> let_in;
    std::atomic<int> let_in_though_closed;
};

void open_for_ever(const std::string& path, Watch& watch) {
    for (;;) {
        const int turn = watch.turn;
        const int error = open_error(path, O_RDONLY);
        const bool closed = turn % 2 != 0 && watch.turn == turn;  // from before to after
        (error != 0 ? watch.refused : closed ? watch.let_in_though_closed : watch.let_in)++;
    }
}

TEST_CASE("a directory is closed once chmod says so", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string directory = m.path("d");
    REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
    REQUIRE(::mkdir((directory + "/e").c_str(), 0755) == 0);
    void* const shared =
        ::mmap(nullptr, sizeof(Watch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    Watch& watch = *::new (shared) Watch{};
    const pid_t child = ::fork();
    if (child == 0) {
        become_user({});
        open_for_ever(directory + "/e/fake.value", watch);
    }
    REQUIRE(child > 0);
    const auto await_more = [](const std::atomic<int>& count) {
        for (const int before = count; count < before + 3;) {
            ::sched_yield();
        }
    };
    for (int i = 0; i < 500; i++) {
        await_more(watch.let_in);
        REQUIRE(::chmod(directory.c_str(), 0700) == 0);
        watch.turn++;
        await_more(watch.refused);
        watch.turn++;
        REQUIRE(::chmod(directory.c_str(), 0755) == 0);
    }
    CHECK(watch.let_in_though_closed == 0);
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    ::munmap(shared, sizeof(Watch));
}

TEST_CASE("attributes are changed by their owner", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string path = m.path("fake.value");
    const char* const file = path.c_str();
    const timespec past[2] = {{7, 0}, {8, 0}};
    const auto chmod_error = [&] { return errno_of(::chmod(file, 0640)); };
    const auto chown_error = [&] { return errno_of(::chown(file, kUser, kGroup)); };
    const auto past_error = [&] { return errno_of(::utimensat(AT_FDCWD, file, past, 0)); };
    const auto touch_error = [&] { return errno_of(::utimensat(AT_FDCWD, file, nullptr, 0)); };
    const auto truncate_error = [&] { return errno_of(::truncate(file, 0)); };
    const auto xattr_error = [&] { return errno_of(::setxattr(file, "user.x", "1", 1, 0)); };
    CHECK(as_user(chmod_error) == EPERM);
    CHECK(as_user(chown_error) == EPERM);
    CHECK(as_user(past_error) == EPERM);
    CHECK(as_user(touch_error) == EACCES);
    CHECK(as_user(truncate_error) == EACCES);
    CHECK(as_user(xattr_error) == EACCES);
    change(path, 0666, 0, 0);
    CHECK(as_user(past_error) == EPERM);
    CHECK(as_user(touch_error) == 0);
    CHECK(as_user(truncate_error) == 0);
    CHECK(as_user(xattr_error) == 0);
    change(path, 0444, kUser, 0);
    CHECK(as_user(chown_error) == 0);
    CHECK(as_user(chmod_error) == 0);
    CHECK(as_user(past_error) == 0);
    change(path, 0400, 0, 0);
    CHECK(as_user([&] { return errno_of(::getxattr(file, "user.x", nullptr, 0)); }) == EACCES);
    CHECK(as_user([&] { return errno_of(::removexattr(file, "user.x")); }) == EACCES);
    CHECK(as_user([&] { return errno_of(::getxattr(file, "trusted.x", nullptr, 0)); }) == ENODATA);
}

TEST_CASE("set-id bits go when a file changes hands or is truncated", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string path = m.path("fake.value");
    change(path, 06777, 0, kOtherGroup);
    CHECK(as_user([&] { return errno_of(::truncate(path.c_str(), 0)); }) == 0);
    CHECK(stat_of_path(path).st_mode == (S_IFREG | 0777));
    change(path, 06777, kUser, kOtherGroup);
    CHECK(as_user([&] { return errno_of(::chown(path.c_str(), -1, kGroup)); }) == 0);
    CHECK(stat_of_path(path).st_mode == (S_IFREG | 0777));
    change(path, 0777, kUser, kOtherGroup);
    CHECK(as_user([&] { return errno_of(::chmod(path.c_str(), 02770)); }) == 0);
    CHECK(stat_of_path(path).st_mode == (S_IFREG | 0770));
}

TEST_CASE("capabilities are what makes root", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string file = m.path("fake.value");
    change(file, 0, 0, 0);
    const auto read_error = [&] { return open_error(file, O_RDONLY); };
    const auto write_error = [&] { return open_error(file, O_WRONLY); };
    const auto access_error = [&] { return errno_of(::access(file.c_str(), R_OK)); };
    const auto root_with = [](unsigned capability) {
        return [capability] { keep_only(capability); };
    };
    CHECK(in_child(root_with(CAP_DAC_READ_SEARCH), read_error) == 0);
    CHECK(in_child(root_with(CAP_DAC_READ_SEARCH), write_error) == EACCES);
    CHECK(in_child(root_with(CAP_DAC_OVERRIDE), write_error) == 0);
    CHECK(in_child(root_with(CAP_CHOWN), read_error) == EACCES);
    CHECK(in_child(root_with(CAP_CHOWN), access_error) == 0);  // by what it is permitted
    const auto user_with_override = [] {
        ::prctl(PR_SET_KEEPCAPS, 1);
        become_user({});
        keep_only(CAP_DAC_OVERRIDE);
    };
    CHECK(in_child(user_with_override, read_error) == 0);
    CHECK(in_child(user_with_override, access_error) == EACCES);
    CHECK(as_user(read_error) == EACCES);
}

TEST_CASE("root of a user namespace is root of its ids", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const std::string file = m.path("fake.value");
    const auto become_root_of_own = [] {
        become_user({});
        ::prctl(PR_SET_DUMPABLE, 1);
        if (::unshare(CLONE_NEWUSER) != 0) {
            ::_exit(254);
        }
        for (const auto& [name, text] :
             {std::pair{"/proc/self/setgroups", std::string("deny")},
              {"/proc/self/uid_map", "0 " + std::to_string(kUser) + " 1"},
              {"/proc/self/gid_map", "0 " + std::to_string(kGroup) + " 1"}}) {
            const Fd fd(name, O_WRONLY);
            if (::write(fd.get(), text.data(), text.size()) < 0) {
                ::_exit(253);
            }
        }
    };
    // Without allow_other for other namespaces it is the kernel that refuses, with the same error.
    change(file, 0, 0, 0);
    CHECK(in_child(become_root_of_own, [&] { return open_error(file, O_RDONLY); }) == EACCES);
    change(file, 0, kUser, 0);
    CHECK(in_child(become_root_of_own, [&] { return open_error(file, O_RDONLY); }) == EACCES);
    change(file, 0, kUser, kGroup);
    CHECK(in_child(become_root_of_own, [&] { return open_error(file, O_RDONLY); }) == 0);
}

TEST_CASE("names of a removed directory are gone for who stands in it", "[fuse][permission]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    REQUIRE(::mkdir(m.path("d").c_str(), 0755) == 0);
    const Fd standing(m.path("d"), O_RDONLY | O_DIRECTORY);
    const Fd file(m.path("d/fake.value"), O_RDONLY);
    const Fd same(m.path("d/fake.value"), O_RDONLY);
    const Fd other(m.path("d/fake.events"), O_RDONLY);
    const auto errors = [&](const char* name) {
        struct stat status{};
        const Fd opened(::openat(standing.get(), name, O_RDONLY));
        const int open_error = errno_of(opened.get());
        return std::pair{errno_of(::fstatat(standing.get(), name, &status, 0)), open_error};
    };
    CHECK(errors("fake.value").first == 0);
    REQUIRE(::rmdir(m.path("d").c_str()) == 0);
    for (const char* name : {"fake.value", "fake.events", "tasks", "none"}) {
        const auto [stat_error, open_error] = errors(name);
        CHECK(stat_error == ENOENT);
        CHECK(open_error == ENOENT);
    }
    struct stat status{};
    CHECK(errno_of(::fstat(file.get(), &status)) == 0);
    char byte = 0;
    CHECK(errno_of(::read(file.get(), &byte, 1)) == ENODEV);
    CHECK(open_error("/proc/self/fd/" + std::to_string(file.get()), O_RDONLY) == ENODEV);
}

}  // namespace
}  // namespace memcgfs::fuse::testing
