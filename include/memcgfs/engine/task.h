// SPDX-License-Identifier: MIT
//
// Members of groups, as the engine needs them (struct task_struct, mm_struct; 6.1).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memcgfs/base/operation.h"
#include "memcgfs/base/units.h"
#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/psi.h"
#include "memcgfs/engine/stat_items.h"

namespace memcgfs::engine {

/// What a task source knows about a new process.
struct TaskInfo {
    std::int32_t pid = 0;  ///< process (thread group) id; of a thread with a place of its own: its
    std::uint32_t uid = 0;
    std::int32_t oom_score_adj = 0;
    std::string comm;
    std::uint32_t threads = 1;  ///< those with a place of their own not among them
    std::int32_t process = 0;   ///< of a thread with a place of its own: whose; 0: a process
};

/// Where a task's new pages come from (struct mempolicy).
struct MemPolicy {
    enum class Mode : std::uint8_t {
        kDefault,     ///< the CPU's node, then the next ones
        kPreferred,   ///< the first of `nodes`, then the next ones
        kBind,        ///< `nodes` only
        kInterleave,  ///< `nodes` in turn
    };
    Mode mode = Mode::kDefault;
    NodeMask nodes = 0;
};

/// A run of page tables that a task has for a mapping, each for 512 pages: [first, end).
struct PageTables {
    MappingId mapping;
    MemcgId memcg;  ///< who pays
    std::uint64_t first = 0;
    std::uint64_t end = 0;
};

/// One process, or one of its threads that is not with it in all hierarchies: that one has a place
/// and nothing else.
struct Task {
    Task(TaskId task_id, TaskInfo task_info) : id(task_id), info(std::move(task_info)) {}
    TaskId id;
    TaskInfo info;
    Membership groups;
    bool dying = false;       ///< SIGKILL sent or exit begun (fatal_signal_pending)
    bool oom_victim = false;  ///< chosen by the OOM killer and not yet gone (signal->oom_mm)
    bool oom_reaped = false;  ///< nothing more to be had from it (MMF_OOM_SKIP)
    /// An operation of this task is under way: a kill wakes it, and exit waits for its end.
    OperationId operation{};
    MemcgId memcg_in_oom;  ///< v1: where a fault failed with oom_kill_disable set
    MemPolicy mempolicy;
    Pages over_high{};               ///< memcg_nr_pages_over_high
    PsiFlags psi;                    ///< what its operation does now
    std::vector<MappingId> regions;  ///< mapped by this process
    /// Where its lowest region begins, in pages. At first below the end of the address space, and
    /// in the middle of a huge page: the kernel's choice is random.
    std::uint64_t lowest_address = (std::uint64_t{1} << 35U) - kHugePages + kHugePages * 2 / 3;
    std::vector<PageTables> page_tables;
    std::uint64_t khugepaged_slot = 0;  ///< its turn; 0: khugepaged does not look at it
};

}  // namespace memcgfs::engine
