// SPDX-License-Identifier: MIT
//
// name_to_handle_at(2) of what is in the tree: programs learn a group's number by it.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {
namespace {

/// What the kernel's own (kernfs) gives, 6.1: the inode number alone.
struct Handle {
    std::uint32_t bytes = 0;
    std::int32_t type = 0;
    std::uint64_t id = 0;
};
constexpr std::size_t kHeadBytes = sizeof(std::uint32_t) + sizeof(std::int32_t);
constexpr std::uint32_t kIdBytes = sizeof(std::uint64_t);
constexpr std::int32_t kKernfsType = 0xfe;   // FILEID_KERNFS
constexpr std::int32_t kInvalidType = 0xff;  // FILEID_INVALID

struct Arguments {
    int directory;
    std::uint64_t path;
    std::uint64_t handle;
    std::uint64_t mount_id;
    int flags;
};

runner::UniqueFd open_named(const Call& call, const Arguments& arguments) {
    const std::optional<std::string> path = call.read_path(arguments.path);
    if (!path) {
        return {};
    }
    if (path->empty()) {
        return (arguments.flags & AT_EMPTY_PATH) != 0 ? call.open_descriptor(arguments.directory)
                                                      : runner::UniqueFd();
    }
    const auto links = (arguments.flags & AT_SYMLINK_FOLLOW) != 0 ? Call::LastLink::kFollowed
                                                                  : Call::LastLink::kMeant;
    const bool absolute = path->starts_with('/');
    return call.open_path(
        absolute ? *path : call.path_of_descriptor(arguments.directory) + "/" + *path, links);
}

std::int32_t mount_id_of(int file) {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(file));
    for (std::string word; info >> word;) {
        if (word == "mnt_id:") {
            std::int32_t id = 0;
            info >> id;
            return id;
        }
    }
    return 0;
}

/// do_sys_name_to_handle().
Answer answer_for(const Call& call, const Arguments& arguments, CallAnswers& answers) {
    const runner::UniqueFd file = open_named(call, arguments);
    struct stat status{};
    if (!file.valid() || fstat(file.get(), &status) != 0 || !answers.is_tree(status.st_dev)) {
        return Answer::go_on();
    }
    Handle handle;
    const auto whole = std::as_writable_bytes(std::span(&handle, 1));
    if (!call.read(arguments.handle, whole.first(kHeadBytes))) {
        return Answer::failed(Errno::kEFAULT);
    }
    if (handle.bytes > MAX_HANDLE_SZ) {
        return Answer::failed(Errno::kEINVAL);
    }
    const bool fits = handle.bytes >= kIdBytes;
    handle = {kIdBytes, fits ? kKernfsType : kInvalidType, status.st_ino};
    const std::int32_t mount = mount_id_of(file.get());
    if (!call.write(arguments.mount_id, std::as_bytes(std::span(&mount, 1))) ||
        !call.write(arguments.handle, whole.first(fits ? sizeof(handle) : kHeadBytes))) {
        return Answer::failed(Errno::kEFAULT);
    }
    return fits ? Answer::value(0) : Answer::failed(Errno::kEOVERFLOW);
}

}  // namespace

Answer answer_name_to_handle(const Call& call, CallAnswers& answers) {
    const Arguments arguments{.directory = call.int_argument(0),
                              .path = call.argument(1),
                              .handle = call.argument(2),
                              .mount_id = call.argument(3),
                              .flags = call.int_argument(4)};
    const bool known = (arguments.flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) == 0;
    return known ? answer_for(call, arguments, answers) : Answer::go_on();
}

}  // namespace memcgfs::supervisor
