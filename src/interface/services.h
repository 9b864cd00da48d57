// SPDX-License-Identifier: MIT
//
// What the rows' functions share beside the engine.
#pragma once

#include <map>
#include <memory>

#include "interface/event_fds.h"
#include "interface/knobs.h"
#include "interface/membership.h"
#include "interface/peaks.h"
#include "memcgfs/interface/hooks.h"

namespace memcgfs::interface {

/// How often a group's pressure files came or went. Engine lock held.
struct PressureSwitches {
    struct Record {
        std::uint64_t count = 0;
        std::uint64_t switched_on_at = 0;  ///< CgroupFs::files_version() then
    };
    std::map<engine::CgroupId, Record> records;  ///< of groups where it happened

    /// Orders all changes of a group's files: those of memory files by the engine's number, in
    /// between those of pressure files.
    std::uint64_t version(const engine::Cgroup& group) const {
        const auto found = records.find(group.id);
        return (group.files_version << 24U) + (found == records.end() ? 0 : found->second.count);
    }
};

/// Where the triggers of open files are; open files may outlive it.
struct TriggerHome {
    TriggerHome(engine::Engine& the_engine, Mutex& the_mutex)
        : engine(the_engine), mutex(the_mutex) {}
    engine::Engine& engine;
    Mutex& mutex;
};

struct Services {
    engine::Engine& engine;
    Mutex& engine_mutex;
    const Hooks& hooks;
    Membership membership;
    vfs::FileIndex v2_procs_file{};
    Knobs knobs;
    Peaks peaks;
    PressureSwitches pressure_switches;
    EventFds event_fds;
    std::shared_ptr<TriggerHome> triggers;
};

/// A store that is finished.
inline vfs::StoreOutcome done() { return {}; }
/// A store that goes on as an operation, unless that is over already or there is none.
inline Result<vfs::StoreOutcome> go_on(engine::OperationPtr operation) {
    if (operation == nullptr) {
        return vfs::StoreOutcome{};
    }
    if (!operation->finished()) {
        return vfs::StoreOutcome{.operation = std::move(operation)};
    }
    const OperationResult result = operation->result();
    if (!result.ok()) {
        return Err(result.error());
    }
    return vfs::StoreOutcome{};
}

/// "N\n" in bytes; wraps as the kernel's files do.
inline void print_bytes(TextBuffer& out, Pages pages) {
    out.print("{}\n", to_bytes(pages).count());
}
/// As print_bytes(), but "max\n" for no limit (v2).
inline void print_limit(TextBuffer& out, Pages pages) {
    if (pages == kPageCounterMax) {
        out.append("max\n");
    } else {
        print_bytes(out, pages);
    }
}

}  // namespace memcgfs::interface
