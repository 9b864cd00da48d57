// SPDX-License-Identifier: MIT
//
// open(2) and its like of files in /proc and /sys that tell of the machine or of groups: the caller
// gets a descriptor of the world's own file.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <string>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"
#include "supervisor/path.h"

namespace memcgfs::supervisor {
namespace {

struct OpenArguments {
    int directory = AT_FDCWD;
    std::uint64_t path = 0;
    std::uint64_t flags = 0;
};

/// Whether the directory, of a caller's with a root of its own, is the root of the file system that
/// has that name elsewhere: a container's /proc or /sys, and not what it has put in their place.
bool is_what_it_seems(const Call& call, const std::string& directory, long magic) {
    constexpr ino_t kRootInode = 1;
    const runner::UniqueFd file = call.open_path(directory);
    struct statfs system{};
    struct stat status{};
    return file.valid() && fstatfs(file.get(), &system) == 0 && system.f_type == magic &&
           fstat(file.get(), &status) == 0 && status.st_ino == kRootInode;
}

/// `path` is from the caller's root.
bool is_proc_or_sys(const Call& call, const std::string& path) {
    return (path.starts_with("/proc/") && is_what_it_seems(call, "/proc", PROC_SUPER_MAGIC)) ||
           (path.starts_with("/sys/") && is_what_it_seems(call, "/sys", SYSFS_MAGIC));
}

/// The path from the caller's root that is meant; nothing if it cannot be one of the world's files.
std::optional<std::string> meant_path(const Call& call, const OpenArguments& arguments,
                                      CallAnswers& answers) {
    const std::optional<std::string> path = call.read_path(arguments.path);
    if (!path || path->empty() || !answers.knows_name(last_component(*path))) {
        return std::nullopt;
    }
    const std::string root = call.path_of_root();
    std::string base;
    if (!path->starts_with('/')) {
        base = call.path_of_descriptor(arguments.directory);
        if (root != "/" && base.starts_with(root + "/")) {
            base.erase(0, root.size());
        }
        if (!base.starts_with("/proc") && !base.starts_with("/sys") && !base.starts_with("/dev")) {
            return std::nullopt;
        }
    }
    std::string whole = normal_path(base, *path);
    const bool is_one = root == "/" || is_proc_or_sys(call, whole);
    return is_one ? std::optional(std::move(whole)) : std::nullopt;
}

Answer answer_for(const Call& call, const OpenArguments& arguments, CallAnswers& answers) {
    if ((arguments.flags & kNeverRedirected) != 0) {
        return Answer::go_on();
    }
    const std::optional<std::string> path = meant_path(call, arguments, answers);
    if (!path) {
        return Answer::go_on();
    }
    auto file = answers.open_file(
        {.caller = call.caller(), .path = *path, .flags = static_cast<int>(arguments.flags)});
    if (!file) {
        return Answer::go_on();
    }
    if (!file->ok()) {
        return Answer::failed(file->error());
    }
    return Answer::give(std::move(*file).value(), (arguments.flags & O_CLOEXEC) != 0);
}

}  // namespace

Answer answer_open(const Call& call, CallAnswers& answers) {
    return answer_for(call, {AT_FDCWD, call.argument(0), call.argument(1)}, answers);
}

Answer answer_openat(const Call& call, CallAnswers& answers) {
    return answer_for(call, {call.int_argument(0), call.argument(1), call.argument(2)}, answers);
}

Answer answer_openat2(const Call& call, CallAnswers& answers) {
    open_how how{};
    const std::size_t size = std::min<std::size_t>(call.argument(3), sizeof(how));
    if (!call.read(call.argument(2), std::as_writable_bytes(std::span(&how, 1)).first(size))) {
        return Answer::go_on();
    }
    return answer_for(call, {call.int_argument(0), call.argument(1), how.flags}, answers);
}

}  // namespace memcgfs::supervisor
