// SPDX-License-Identifier: MIT
//
// Cgroup namespaces (cgroup_namespaces(7)): the host's kernel makes them, for its own groups, and
// tells who is in which; this knows which group of ours is the root of each.
//
// That is where its maker was. Whoever sees the maker's system call come notes it here; which
// namespace has come of it is found when somebody asks, or by settle(). The kernel gives the number
// of a namespace that has ended to the next one, so a note that is not settled goes before what is
// known.
//
// Threads: any. No lock is held while /proc is read.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "memcgfs/base/mutex.h"

namespace memcgfs::world {

class CgroupNamespaces {
public:
    CgroupNamespaces();

    struct Note {
        std::int32_t thread = 0;    ///< who makes it
        std::int32_t process = 0;   ///< of which process
        std::uint32_t css_set = 0;  ///< and in which groups
        bool for_child = false;     ///< clone(2)'s, or else unshare(2)'s
    };
    /// The thread is about to make one. The call may fail yet.
    void note(const Note& note);
    /// Before a thread that has made one makes a child.
    void settle();
    /// The css_set of the groups that are the roots of a thread's namespace. Nothing: it is in the
    /// first one, or has ended. DEVIATION(failed-namespaces): a clone(2) that was noted may fail,
    /// and another child's namespace be taken for its own. Costs nothing while none has been made.
    std::optional<std::uint32_t> root_of(std::int32_t thread);

private:
    struct Pending {
        Note note;
        std::uint64_t before = 0;  ///< the maker's own namespace then
    };

    /// Of the pending notes the one that `thread`, or the process that it came of in its namespace,
    /// was made by.
    std::optional<std::uint32_t> pending_root_of(std::int32_t thread, std::uint64_t number);

    const std::uint64_t first_;
    std::atomic<bool> any_ = false;
    Mutex mutex_{LockRank::kLeaf};
    std::vector<Pending> pending_ MEMCGFS_GUARDED_BY(mutex_);
    std::map<std::uint64_t, std::uint32_t> roots_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::world
