// SPDX-License-Identifier: MIT
#include "runner/layout.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "memcgfs/runner/unique_fd.h"
#include "runner/failure.h"

namespace memcgfs::runner {
namespace {

constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr mode_t kDirectoryMode = 0755;

/// A file system to mount on. Where nothing but the tree is to be seen it is empty for good.
bool lay_ground(const std::string& mount_point, bool to_be_seen) {
    const char* const options = to_be_seen ? "mode=755" : "mode=555,size=4k";
    return mount("tmpfs", mount_point.c_str(), "tmpfs", kFlags, options) == 0 &&
           (to_be_seen || mount(nullptr, mount_point.c_str(), nullptr,
                                MS_REMOUNT | MS_BIND | MS_RDONLY | kFlags, nullptr) == 0);
}

bool place(int directory, const std::string& mount_point, const std::string& name) {
    const std::string target = name.empty() ? mount_point : mount_point + "/" + name;
    if (!name.empty() && mkdir(target.c_str(), kDirectoryMode) != 0) {
        return false;
    }
    const std::string source = "/proc/self/fd/" + std::to_string(directory);
    return mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0;
}

}  // namespace

Result<void, std::string> make_layout(const std::string& mount_point, const TreeLayout& layout) {
    if (layout.mounts.empty() && !layout.no_mounts) {
        return {};
    }
    std::vector<UniqueFd> directories;
    for (const TreeLayout::Mount& wanted : layout.mounts) {
        const std::string path = mount_point + "/" + wanted.directory;
        directories.emplace_back(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!directories.back().valid()) {
            return failure("cannot open the tree's " + wanted.directory, errno);
        }
    }
    const bool whole = layout.mounts.size() == 1 && layout.mounts.front().place.empty();
    bool done = lay_ground(mount_point, !whole && !layout.no_mounts);
    for (std::size_t i = 0; done && i < directories.size(); i++) {
        done = place(directories[i].get(), mount_point, layout.mounts[i].place);
    }
    for (const auto& [name, target] : layout.links) {
        done = done && symlink(target.c_str(), (mount_point + "/" + name).c_str()) == 0;
    }
    return done ? Result<void, std::string>{}
                : failure("cannot mount the tree's parts on " + mount_point, errno,
                          "let this container mount (CAP_SYS_ADMIN, no AppArmor profile)");
}

}  // namespace memcgfs::runner
