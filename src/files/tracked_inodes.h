// SPDX-License-Identifier: MIT
//
// The files of a tracked directory that somebody knows: the kernel, by a number of ours, and we,
// by a descriptor that leads to the file (O_PATH) and so keeps its real number from being used
// again.
//
// Lock: the caller's, but for what is said otherwise.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/files/file_system.h"

namespace memcgfs::files {

/// A file as the host's kernel tells it from others.
struct RealNumber {
    dev_t device = 0;
    ino_t inode = 0;
    auto operator<=>(const RealNumber&) const = default;
};

struct TrackedInode {
    TrackedInode(InodeId the_id, RealNumber the_number, UniqueFd the_file)
        : id(the_id), number(the_number), file(std::move(the_file)) {}

    /// By any thread. A path that leads to the file, in this process.
    std::string path() const { return "/proc/self/fd/" + std::to_string(file.get()); }
    /// By any thread.
    struct stat status() const {
        struct stat status{};
        fstatat(file.get(), "", &status, AT_EMPTY_PATH);
        return status;
    }

    const InodeId id;
    const RealNumber number;
    const UniqueFd file;
    /// Held while the file's size is looked at and then changed, by nothing but this. Taken alone.
    Mutex size{LockRank::kFiles};

    std::uint64_t held = 0;       ///< by the kernel's inode cache
    std::uint64_t opens = 0;      ///< descriptors that the kernel has
    std::uint64_t writing = 0;    ///< requests that may be about to make the file longer
    bool ended = false;           ///< it is not in the table any more
    engine::MappingId mapping{};  ///< none: it has had no pages
    std::uint64_t end = 0;        ///< no page from here on
};

class TrackedInodes {
public:
    using Inode = std::shared_ptr<TrackedInode>;

    explicit TrackedInodes(UniqueFd root);

    Inode find(InodeId id) const;
    Inode find(RealNumber number) const;
    /// Of the root's device.
    Inode find(ino_t inode) const;
    /// The inode of the file, made if there is none.
    Inode enter(UniqueFd file, const struct stat& status);
    /// The kernel does not know it any more, but it has pages.
    void remember(const Inode& inode) { idle_.push_back(inode); }
    /// One that is to go because more than `most` are remembered; none: they are not.
    Inode forget_one(std::size_t most);
    void erase(TrackedInode& inode);
    template <class Act>
    void for_each(Act act) {
        for (const auto& [id, inode] : by_id_) {
            act(*inode);
        }
    }

private:
    dev_t device_ = 0;
    std::uint64_t next_ = static_cast<std::uint64_t>(kRootInode);
    std::unordered_map<std::uint64_t, Inode> by_id_;
    std::map<RealNumber, Inode> by_number_;
    std::deque<std::weak_ptr<TrackedInode>> idle_;  ///< longest first; some are not idle any more
};

}  // namespace memcgfs::files
