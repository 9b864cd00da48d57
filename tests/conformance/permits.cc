// SPDX-License-Identifier: MIT
//
// What a user may do with files and directories of the tree; for conformance cases, on memcgfs and
// on a kernel.
//
//   permits UID GID GROUPS STEP...       does the steps as that user, or for 0 as it is; GROUPS are
//                                        further groups, numbers with commas between them, or "-"
//
// Each step prints a line. Paths are as the user finds them.
//
//   file PATH         opens in all ways, truncates, and asks access(2)
//   dir PATH          opens, enters, asks access(2), makes a directory in it and removes that
//   owner PATH        chmod, chown, chgrp, times, as its owner may
//   xattr PATH        extended attributes of some namespaces
//   names DIR NAME    what cannot be done in a cgroup directory: symlink, unlink and the like
//   rmdir PATH        removes a directory
//   enter PATH        chdir(2); the steps that follow are done there
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// "0" or the error's name, of a call that gives -1 for an error.
std::string answer(long result) { return result < 0 ? strerrorname_np(errno) : "0"; }

std::string open_answer(const std::string& path, int flags) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC);
    std::string text = answer(fd);
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

void tell(const char* what, const std::string& how) { std::printf(" %s %s", what, how.c_str()); }

void ask_access(const char* path) {
    tell("access-f", answer(access(path, F_OK)));
    tell("access-r", answer(access(path, R_OK)));
    tell("access-w", answer(access(path, W_OK)));
    tell("access-x", answer(access(path, X_OK)));
}

void file(const std::string& path) {
    tell("r", open_answer(path, O_RDONLY));
    tell("w", open_answer(path, O_WRONLY));
    tell("rw", open_answer(path, O_RDWR));
    tell("neither", open_answer(path, O_WRONLY | O_RDWR));
    tell("r-trunc", open_answer(path, O_RDONLY | O_TRUNC));
    tell("w-creat", open_answer(path, O_WRONLY | O_CREAT));
    tell("path", open_answer(path, O_PATH));
    tell("truncate", answer(truncate(path.c_str(), 0)));
    struct stat status{};
    tell("stat", answer(stat(path.c_str(), &status)));
    ask_access(path.c_str());
}

void dir(const std::string& path) {
    tell("open", open_answer(path, O_RDONLY | O_DIRECTORY));
    const int here = open(".", O_PATH | O_CLOEXEC);
    tell("chdir", answer(chdir(path.c_str())));
    (void)!fchdir(here);
    close(here);
    ask_access(path.c_str());
    const std::string made = path + "/made";
    const int result = mkdir(made.c_str(), 0777);
    tell("mkdir", answer(result));
    if (result == 0) {
        struct stat status{};
        stat(made.c_str(), &status);
        std::printf(" (%o %u %u)", status.st_mode & 07777U, status.st_uid, status.st_gid);
        tell("rmdir", answer(rmdir(made.c_str())));
    }
    tell("none", open_answer(path + "/none", O_RDONLY));
    tell("create", open_answer(path + "/none", O_WRONLY | O_CREAT));
}

void owner(const std::string& name) {
    const char* const path = name.c_str();
    struct stat status{};
    stat(path, &status);
    constexpr timespec kPast[2] = {{7, 0}, {8, 0}};
    constexpr timespec kNow[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    constexpr timespec kOneNow[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    constexpr timespec kNone[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    constexpr uid_t kKeep = static_cast<uid_t>(-1);
    tell("chmod", answer(chmod(path, (status.st_mode & 0777U) | S_ISGID)));
    stat(path, &status);
    std::printf(" (%o)", status.st_mode & 07777U);
    tell("same-owner", answer(chown(path, status.st_uid, kKeep)));
    tell("to-root", answer(chown(path, 0, kKeep)));
    tell("own-group", answer(chown(path, kKeep, getegid())));
    tell("other-group", answer(chown(path, kKeep, 7)));
    tell("none", answer(chown(path, kKeep, kKeep)));
    tell("past", answer(utimensat(AT_FDCWD, path, kPast, 0)));
    tell("now", answer(utimensat(AT_FDCWD, path, kNow, 0)));
    tell("null", answer(utimensat(AT_FDCWD, path, nullptr, 0)));
    tell("one-now", answer(utimensat(AT_FDCWD, path, kOneNow, 0)));
    tell("no-time", answer(utimensat(AT_FDCWD, path, kNone, 0)));
}

void xattr(const std::string& name) {
    const char* const path = name.c_str();
    for (const char* const each : {"user.x", "trusted.x", "system.x", "other.x"}) {
        std::printf(" [%s]", each);
        char value = 0;
        tell("get", answer(getxattr(path, each, &value, 1)));
        tell("set", answer(setxattr(path, each, "1", 1, 0)));
        tell("remove", answer(removexattr(path, each)));
    }
    char names[256];
    const ssize_t length = listxattr(path, names, sizeof(names));
    tell("list", answer(length));
    for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
        std::printf(" (%s)", names + at);
    }
}

void names(const std::string& directory, const std::string& name) {
    const std::string old_name = directory + "/" + name;
    const std::string new_name = directory + "/new";
    tell("symlink", answer(symlink("x", new_name.c_str())));
    tell("mkfifo", answer(mkfifo(new_name.c_str(), 0644)));
    tell("mknod", answer(mknod(new_name.c_str(), S_IFREG | 0644, 0)));
    tell("rename", answer(rename(old_name.c_str(), new_name.c_str())));
    struct stat status{};
    const bool is_directory = stat(old_name.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    tell("remove", answer(is_directory ? rmdir(old_name.c_str()) : unlink(old_name.c_str())));
    tell("mkdir-there", answer(mkdir(old_name.c_str(), 0755)));
}

void become(const char* uid, const char* gid, const std::string& groups) {
    if (std::string_view(uid) == "0") {
        return;
    }
    std::vector<gid_t> numbers;
    for (std::size_t at = 0; groups != "-" && at < groups.size();) {
        numbers.push_back(static_cast<gid_t>(std::atoi(groups.c_str() + at)));
        at = std::min(groups.find(',', at), groups.size() - 1) + 1;
    }
    const auto user = static_cast<uid_t>(std::atoi(uid));
    const auto group = static_cast<gid_t>(std::atoi(gid));
    if (setgroups(numbers.size(), numbers.data()) != 0 || setresgid(group, group, group) != 0 ||
        setresuid(user, user, user) != 0) {
        std::perror("permits");
        std::exit(2);
    }
}

}  // namespace

int main(int count, char** arguments) {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.size() < 4) {
        return 2;
    }
    std::size_t at = 3;
    become(words[0].c_str(), words[1].c_str(), words[2]);
    umask(022);
    const auto next = [&] { return at < words.size() ? words[at++] : std::string(); };
    while (at < words.size()) {
        const std::string step = next();
        const std::string path = next();
        std::printf("%s %s:", step.c_str(), path.c_str());
        if (step == "file") {
            file(path);
        } else if (step == "dir") {
            dir(path);
        } else if (step == "owner") {
            owner(path);
        } else if (step == "xattr") {
            xattr(path);
        } else if (step == "names") {
            names(path, next());
        } else if (step == "rmdir") {
            tell("rmdir", answer(rmdir(path.c_str())));
        } else if (step == "enter") {
            tell("chdir", answer(chdir(path.c_str())));
        } else {
            return 2;
        }
        std::puts("");
        std::fflush(stdout);
    }
    return 0;
}
