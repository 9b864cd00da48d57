// SPDX-License-Identifier: MIT
//
// mount(2), umount2(2), and fsopen(2), fspick(2), fsconfig(2) and fsmount(2) of cgroup, cgroup2
// and tmpfs: the kernel would mount the host's. What a caller has from fsmount(2) is a mount of the
// kernel's, and move_mount(2) of it is the kernel's affair.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>

#include "memcgfs/supervisor/mount_answers.h"
#include "memcgfs/supervisor/mount_contexts.h"
#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"
#include "supervisor/path.h"

namespace memcgfs::supervisor {
namespace {

constexpr std::size_t kTypeMost = 64;
constexpr std::size_t kOptionsMost = 4095;  // a page, as copy_mount_options() takes
constexpr std::size_t kValueMost = 255;     // fsconfig(2)'s

Answer answer_of(const Result<void>& result) {
    return result.ok() ? Answer::value(0) : Answer::failed(result.error());
}

/// Who answers for the file system of a file; nullptr: it is none of the world's.
MountAnswers* mounts_at(int file, CallAnswers& answers) {
    struct stat status{};
    const auto type =
        file >= 0 && fstat(file, &status) == 0 ? answers.mounted_type(status.st_dev) : std::nullopt;
    return type ? answers.mounts(*type) : nullptr;
}

/// Who answers for a new mount of the type by the caller; nullptr: the kernel.
MountAnswers* mounts_for(const std::optional<FsType>& type, const Call& call,
                         CallAnswers& answers) {
    MountAnswers* const mounts = type ? answers.mounts(*type) : nullptr;
    return mounts != nullptr && mounts->serves(call.caller()) ? mounts : nullptr;
}

bool is_root_of_mount(int file) {
    struct statx status{};
    return statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// A string that may be absent: "".
std::string read_optional(const Call& call, std::uint64_t address, std::size_t most) {
    const auto text = address == 0 ? std::nullopt : call.read_path(address);
    return text ? text->substr(0, most) : "";
}

runner::UniqueFd open_at(const Call& call, int directory, const std::string& path) {
    if (path.empty()) {
        return call.open_descriptor(directory);
    }
    if (path.starts_with('/') || directory == AT_FDCWD) {
        return call.open_path(path);
    }
    return call.open_path(call.path_of_descriptor(directory) + "/" + path);
}

/// The caller's new descriptor stands for the context.
Answer give_context(Result<std::unique_ptr<MountContext>> context, bool close_on_exec,
                    CallAnswers& answers) {
    if (!context.ok()) {
        return Answer::failed(context.error());
    }
    runner::UniqueFd file(memfd_create("[fscontext]", MFD_CLOEXEC));
    if (!file.valid()) {
        return Answer::failed(Errno::kENFILE);
    }
    answers.mount_contexts().add(file.get(), std::move(context).value());
    return Answer::give(std::move(file), close_on_exec);
}

}  // namespace

Answer answer_mount(const Call& call, CallAnswers& answers) {
    const std::optional<std::string> path = call.read_path(call.argument(1));
    if (!path) {
        return Answer::go_on();
    }
    MountRequest request{.caller = call.caller(),
                         .source = read_optional(call, call.argument(0), kOptionsMost),
                         .options = read_optional(call, call.argument(4), kOptionsMost),
                         .flags = call.argument(3)};
    const bool again = (request.flags & MS_REMOUNT) != 0;
    const auto type = fs_type_of(read_optional(call, call.argument(2), kTypeMost));
    if (!again && mounts_for(type, call, answers) == nullptr) {
        return Answer::go_on();
    }
    const runner::UniqueFd target = call.open_path(*path);
    request.target = target.get();
    MountAnswers* const mounts =
        again ? mounts_at(target.get(), answers) : mounts_for(type, call, answers);
    if (!target.valid() || mounts == nullptr) {
        return Answer::go_on();
    }
    request.type = type.value_or(FsType::kCgroup2);
    return answer_of(again ? mounts->remount(request) : mounts->mount(request));
}

/// Done here, and not by the kernel for the caller, because what has gone must have gone from
/// /proc and from the tree when the call returns.
Answer answer_umount(const Call& call, CallAnswers& answers) {
    const std::optional<std::string> path = call.read_path(call.argument(0));
    runner::UniqueFd target = path ? call.open_path(*path) : runner::UniqueFd();
    MountAnswers* const mounts = mounts_at(target.get(), answers);
    if (mounts == nullptr || !is_root_of_mount(target.get())) {
        return Answer::go_on();
    }
    const runner::UniqueFd directory = call.open_directory_of(target.get());
    UnmountRequest request{.caller = call.caller(),
                           .directory = directory.get(),
                           .name = std::string(last_component(path_of(target.get()))),
                           .flags = call.int_argument(1)};
    target.reset();  // else it is busy
    return directory.valid() ? answer_of(mounts->unmount(request)) : Answer::go_on();
}

Answer answer_fsopen(const Call& call, CallAnswers& answers) {
    const auto type = fs_type_of(read_optional(call, call.argument(0), kTypeMost));
    MountAnswers* const mounts = mounts_for(type, call, answers);
    if (mounts == nullptr) {
        return Answer::go_on();
    }
    return give_context(mounts->open_context(call.caller(), *type),
                        (call.argument(1) & FSOPEN_CLOEXEC) != 0, answers);
}

Answer answer_fspick(const Call& call, CallAnswers& answers) {
    const std::optional<std::string> path = call.read_path(call.argument(1));
    if (!path) {
        return Answer::go_on();
    }
    const runner::UniqueFd target = open_at(call, call.int_argument(0), *path);
    MountAnswers* const mounts = mounts_at(target.get(), answers);
    if (mounts == nullptr) {
        return Answer::go_on();
    }
    return give_context(mounts->pick_context(call.caller(), target.get()),
                        (call.argument(2) & FSPICK_CLOEXEC) != 0, answers);
}

Answer answer_fsconfig(const Call& call, CallAnswers& answers) {
    MountContext* const context =
        answers.mount_contexts().find(call.open_descriptor(call.int_argument(0)).get());
    if (context == nullptr) {
        return Answer::go_on();
    }
    const std::string key = read_optional(call, call.argument(2), kValueMost);
    switch (call.argument(1)) {
        case FSCONFIG_SET_FLAG:
            return answer_of(context->set(key, std::nullopt));
        case FSCONFIG_SET_STRING:
            return answer_of(context->set(key, read_optional(call, call.argument(3), kValueMost)));
        case FSCONFIG_CMD_CREATE:
            return answer_of(context->create());
        case FSCONFIG_CMD_RECONFIGURE:
            return answer_of(context->reconfigure());
        default:
            return Answer::failed(Errno::kEINVAL);
    }
}

Answer answer_fsmount(const Call& call, CallAnswers& answers) {
    MountContext* const context =
        answers.mount_contexts().find(call.open_descriptor(call.int_argument(0)).get());
    if (context == nullptr) {
        return Answer::go_on();
    }
    auto mount = context->mount(call.argument(2));
    if (!mount.ok()) {
        return Answer::failed(mount.error());
    }
    return Answer::give(std::move(mount).value(), (call.argument(1) & FSMOUNT_CLOEXEC) != 0);
}

}  // namespace memcgfs::supervisor
