// SPDX-License-Identifier: MIT
#include "memcgfs/world/cgroup_namespaces.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "world/proc_reader.h"

namespace memcgfs::world {
namespace {

/// Calls that were noted and came to nothing.
constexpr std::size_t kMostPending = 64;

/// The number of a thread's namespace; 0: it has ended, or there are none.
std::uint64_t number_of(std::int32_t thread) {
    struct stat status{};
    const std::string link = "/proc/" + std::to_string(thread) + "/ns/cgroup";
    return stat(link.c_str(), &status) == 0 ? status.st_ino : 0;
}

std::int32_t parent_of(std::int32_t process) {
    const auto proc = ProcReader::create();
    const auto stat = proc.ok() ? (*proc)->stat(process) : Result<ProcStat>(Err(proc.error()));
    return stat.ok() ? stat->parent : 0;
}

}  // namespace

CgroupNamespaces::CgroupNamespaces() : first_(number_of(getpid())) {}

void CgroupNamespaces::note(const Note& note) {
    settle();
    const std::uint64_t before = number_of(note.thread);
    const MutexLock lock(mutex_);
    // What the thread has asked for before has failed, if it is still here.
    std::erase_if(pending_, [&](const Pending& each) {
        return each.note.thread == note.thread && !each.note.for_child && !note.for_child;
    });
    if (pending_.size() == kMostPending) {
        pending_.erase(pending_.begin());
    }
    pending_.push_back({note, before});
    any_ = true;
}

void CgroupNamespaces::settle() {
    if (!any_) {
        return;
    }
    std::vector<Pending> pending;
    {
        const MutexLock lock(mutex_);
        pending = pending_;
    }
    for (const Pending& each : pending) {
        if (each.note.for_child) {
            continue;
        }
        const std::uint64_t now = number_of(each.note.thread);
        if (now == 0 || now == each.before) {
            continue;
        }
        const MutexLock lock(mutex_);
        roots_[now] = each.note.css_set;
        std::erase_if(pending_, [&](const Pending& other) {
            return other.note.thread == each.note.thread && !other.note.for_child;
        });
    }
}

std::optional<std::uint32_t> CgroupNamespaces::pending_root_of(std::int32_t thread,
                                                               std::uint64_t number) {
    std::vector<Pending> pending;
    {
        const MutexLock lock(mutex_);
        pending = pending_;
    }
    std::erase_if(pending, [](const Pending& each) { return !each.note.for_child; });
    for (std::int32_t child = thread; !pending.empty() && child > 1;) {
        const std::int32_t parent = parent_of(child);
        const auto made =
            std::find_if(pending.begin(), pending.end(),
                         [parent](const Pending& each) { return each.note.process == parent; });
        if (made != pending.end() && number_of(parent) != number) {
            const MutexLock lock(mutex_);
            const auto found =
                std::find_if(pending_.begin(), pending_.end(), [parent](const Pending& each) {
                    return each.note.for_child && each.note.process == parent;
                });
            if (found != pending_.end()) {
                pending_.erase(found);
            }
            roots_[number] = made->note.css_set;
            return made->note.css_set;
        }
        child = parent;
    }
    return std::nullopt;
}

std::optional<std::uint32_t> CgroupNamespaces::root_of(std::int32_t thread) {
    if (!any_) {
        return std::nullopt;
    }
    const std::uint64_t number = number_of(thread);
    if (number == 0 || number == first_) {
        return std::nullopt;
    }
    settle();
    if (const auto made = pending_root_of(thread, number)) {
        return made;
    }
    const MutexLock lock(mutex_);
    const auto root = roots_.find(number);
    return root != roots_.end() ? std::optional(root->second) : std::nullopt;
}

}  // namespace memcgfs::world
