// SPDX-License-Identifier: MIT
//
// statfs(2) and fstatfs(2) of what is in the tree: the kernel would say FUSE.
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>
#include <optional>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {
namespace {

/// ST_VALID of include/linux/statfs.h: f_flags is filled in.
constexpr long kFlagsAreValid = 0x20;

/// As the kernel's own file system would say it: what FUSE tells, by another name (cgroups have no
/// blocks, as simple_statfs() has none).
struct statfs named(struct statfs info, std::uint32_t type, dev_t device) {
    info.f_type = static_cast<decltype(info.f_type)>(type);
    info.f_flags |= kFlagsAreValid;
    static_assert(sizeof(info.f_fsid) == sizeof(device));
    std::memcpy(&info.f_fsid, &device, sizeof(device));
    return info;
}

std::optional<std::uint32_t> type_of(int file, dev_t device, CallAnswers& answers) {
    const auto node = fuse_node_of(file);
    return node ? answers.file_system_type(device, *node) : std::nullopt;
}

Answer answer_for(const Call& call, const runner::UniqueFd& file, CallAnswers& answers) {
    struct stat status{};
    if (!file.valid() || fstat(file.get(), &status) != 0 || !answers.tells_type(status.st_dev)) {
        return Answer::go_on();
    }
    auto type = type_of(file.get(), status.st_dev, answers);
    if (!type && !S_ISDIR(status.st_mode)) {
        type = type_of(call.open_directory_of(file.get()).get(), status.st_dev, answers);
    }
    struct statfs real{};
    if (!type || ::fstatfs(file.get(), &real) != 0) {
        return Answer::go_on();
    }
    const struct statfs told = named(real, *type, status.st_dev);
    if (!call.write(call.argument(1), std::as_bytes(std::span(&told, 1)))) {
        return Answer::failed(Errno::kEFAULT);
    }
    return Answer::value(0);
}

}  // namespace

Answer answer_statfs(const Call& call, CallAnswers& answers) {
    const std::optional<std::string> path = call.read_path(call.argument(0));
    return path && !path->empty() ? answer_for(call, call.open_path(*path), answers)
                                  : Answer::go_on();
}

Answer answer_fstatfs(const Call& call, CallAnswers& answers) {
    return answer_for(call, call.open_descriptor(call.int_argument(0)), answers);
}

}  // namespace memcgfs::supervisor
