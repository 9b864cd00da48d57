// SPDX-License-Identifier: MIT
#include "cli/tracked_mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "cli/files_server.h"
#include "cli/mount_rights.h"
#include "memcgfs/files/tracked_directory.h"

namespace memcgfs::cli {

using runner::UniqueFd;

namespace {

Failed<std::string> failure(const std::string& directory, std::string_view reason) {
    return Failed<std::string>{fmt::format("cannot track {}: {}", directory, reason)};
}

/// Each file that is known there takes a descriptor: as many as there can be. Processes of the run,
/// which have been started before, keep their limit.
std::size_t raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

std::string mount_table() {
    std::ifstream file("/proc/self/mountinfo");
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// MOUNT_ATTR_* of the mount that a directory is on.
std::uint64_t attributes_there(int directory) {
    struct statvfs status{};
    if (fstatvfs(directory, &status) != 0) {
        return 0;
    }
    // ST_RDONLY and the next three are the flags of mount(2).
    return attributes_of(status.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC));
}

/// Who stands for the owners that have no number here, as in an ordinary user's run all but
/// himself; `kind` is "uid" or "gid". Nothing: they have one of their own.
std::optional<files::TrackedDirectory::Stranger> stranger(const std::string& kind,
                                                          std::uint32_t shown_as) {
    std::uint32_t number = 0;
    std::ifstream("/proc/sys/kernel/overflow" + kind) >> number;
    std::ifstream map("/proc/self/" + kind + "_map");
    for (std::uint64_t inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) {
        if (number >= inside && number - inside < count) {
            return std::nullopt;
        }
    }
    return files::TrackedDirectory::Stranger{number, shown_as};
}

/// A quarter of the descriptors for files that the kernel has forgotten and that have pages.
constexpr std::size_t kRememberedShare = 4;

}  // namespace

class TrackedMounts::FileSystem {
public:
    FileSystem(const files::ChargeParts& parts, UniqueFd root,
               files::TrackedDirectory::Options options)
        : fs(parts, std::move(root), options) {}

    dev_t device = 0;
    std::uint32_t type = 0;
    std::optional<CgroupMount> shown;  ///< nothing: as it is
    mutable files::TrackedDirectory fs;
    FilesServer server;
};

TrackedMounts::TrackedMounts(Parts parts)
    : parts_(std::move(parts)),
      payers_(parts_.engine, parts_.engine_mutex, parts_.tasks, parts_.settle) {}

TrackedMounts::~TrackedMounts() { end(); }

void TrackedMounts::end() {
    std::vector<std::unique_ptr<FileSystem>> ended;  // outlives the lock
    const MutexLock lock(mutex_);
    ended.swap(file_systems_);
}

Result<void, std::string> TrackedMounts::cover(const std::string& directory,
                                               runner::MountAgent& agent, pid_t process) {
    UniqueFd root(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    struct statfs real{};
    if (!root.valid() || fstat(root.get(), &status) != 0 || fstatfs(root.get(), &real) != 0) {
        return failure(directory, std::strerror(errno));
    }
    const std::uint64_t attributes = attributes_there(root.get());
    const auto shown = mount_of_device(mount_table(), status.st_dev);
    auto made = agent.make_fuse(shown ? shown->source : "none");
    if (!made.ok()) {
        return failure(directory, fmt::format("the mount fails: {} (it takes Linux 5.12 or later)",
                                              std::strerror(to_int(made.error()))));
    }
    auto file_system = std::make_unique<FileSystem>(
        files::ChargeParts{parts_.engine, parts_.engine_mutex, payers_, parts_.flush},
        std::move(root),
        files::TrackedDirectory::Options{.remembered = raise_descriptor_limit() / kRememberedShare,
                                         .user = stranger("uid", geteuid()),
                                         .group = stranger("gid", getegid())});
    file_system->device = device_of(made->mount.file.get());
    file_system->type = static_cast<std::uint32_t>(real.f_type);
    file_system->shown = shown;
    if (const auto served =
            file_system->server.start(made->connection.release(), file_system->fs, parts_.runner);
        !served.ok()) {
        return failure(directory, served.error());
    }
    const std::string place = fmt::format("/proc/{}/root{}", process, directory);
    const UniqueFd target(open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd name_space = namespace_of(process, "mnt");
    const auto put = agent.put(made->mount.file.get(), exactly(attributes),
                               {.name_space = name_space.get(), .target = target.get()});
    if (!put.ok()) {
        return failure(directory, std::strerror(to_int(put.error())));
    }
    const MutexLock lock(mutex_);
    file_systems_.push_back(std::move(file_system));
    return {};
}

const TrackedMounts::FileSystem* TrackedMounts::find(dev_t device) const {
    const MutexLock lock(mutex_);
    for (const auto& one : file_systems_) {
        if (one->device == device) {
            return one.get();
        }
    }
    return nullptr;
}

std::optional<std::uint32_t> TrackedMounts::type_of(dev_t device) const {
    const FileSystem* const there = find(device);
    return there != nullptr ? std::optional(there->type) : std::nullopt;
}

std::optional<CgroupMount> TrackedMounts::describe(std::string_view device) const {
    const MutexLock lock(mutex_);
    for (const auto& one : file_systems_) {
        if (fmt::format("{}:{}", major(one->device), minor(one->device)) == device) {
            return one->shown;
        }
    }
    return std::nullopt;
}

std::optional<engine::MappingId> TrackedMounts::cache_of(std::uint64_t device,
                                                         std::uint64_t inode) const {
    const FileSystem* const there = find(static_cast<dev_t>(device));
    return there != nullptr ? there->fs.cache_of(inode) : std::nullopt;
}

std::vector<engine::Engine::FileRegion> TrackedMounts::mapped_by(std::int32_t pid) const {
    std::vector<engine::Engine::FileRegion> regions;
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    for (std::string line; std::getline(maps, line);) {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        std::uint64_t offset = 0;
        std::uint64_t inode = 0;
        unsigned major = 0;
        unsigned minor = 0;
        if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64,
                        &start, &end, &offset, &major, &minor, &inode) != 6) {
            continue;
        }
        if (const auto cache = cache_of(makedev(major, minor), inode)) {
            regions.push_back({*cache, {offset / kPageSize, (end - start) / kPageSize}});
        }
    }
    return regions;
}

}  // namespace memcgfs::cli
