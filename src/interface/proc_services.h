// SPDX-License-Identifier: MIT
//
// What the functions of the rows in /proc and /sys share beside the engine.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "interface/memory_blocks.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/interface/kernel_log.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::interface {

/// Values that files keep, by path. Engine lock held.
class KeptValues {
public:
    std::uint64_t get(std::string_view path, std::uint64_t initial) const {
        const auto found = values_.find(path);
        return found == values_.end() ? initial : found->second;
    }
    void set(std::string_view path, std::uint64_t value) { values_[path] = value; }

private:
    std::map<std::string_view, std::uint64_t> values_;  // paths of rows
};

/// In the cookie of a trigger whose open file is of this tree; the rest is its vfs::OpenId.
inline constexpr std::uint64_t kProcTrigger = std::uint64_t{1} << 63U;

struct ProcServices {
    engine::Engine& engine;
    Mutex& engine_mutex;
    world::TaskTable& tasks;
    CgroupFs& cgroup_fs;
    KernelLog* log = nullptr;
    std::function<void(OperationId)> wake = {};
    KeptValues kept = {};
    std::vector<MemoryBlock> memory_blocks = {};  ///< engine lock held
    std::atomic<std::uint64_t> waits = 0;         ///< operations of this folder's own, so far
};

}  // namespace memcgfs::interface
