// SPDX-License-Identifier: MIT
#include "memcgfs/files/work.h"

#include <utility>

namespace memcgfs::files {

std::unique_ptr<Operation> Work::next() {
    const MutexLock engine_lock(parts_.engine_mutex);
    if (at_ < charge_.runs.size()) {
        const PageRun run = charge_.runs[at_++];
        return parts_.engine.file_io(charge_.task, charge_.mapping, {run.first, run.count},
                                     charge_.access, run.count);
    }
    return std::exchange(charge_.sync, false) ? parts_.engine.sync_mapping(charge_.mapping)
                                              : nullptr;
}

}  // namespace memcgfs::files
