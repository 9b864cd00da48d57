// SPDX-License-Identifier: MIT
//
// What the functions of the rows in /proc and /sys share beside the engine.
#pragma once

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::interface {

struct ProcServices {
    engine::Engine& engine;
    Mutex& engine_mutex;
    world::TaskTable& tasks;
    CgroupFs& cgroup_fs;
};

}  // namespace memcgfs::interface
