// SPDX-License-Identifier: MIT
//
// What the rows' functions share beside the engine.
#pragma once

#include "interface/knobs.h"
#include "interface/membership.h"
#include "interface/peaks.h"
#include "memcgfs/interface/hooks.h"

namespace memcgfs::interface {

struct Services {
    Mutex& engine_mutex;
    const Hooks& hooks;
    Membership membership;
    vfs::FileIndex v2_procs_file{};
    Knobs knobs;
    Peaks peaks;
    /// Grows when pressure files come or go anywhere; part of files_version().
    std::uint64_t pressure_switches = 0;
};

/// A store that is finished.
inline vfs::StoreOutcome done() { return {}; }
/// A store that goes on as an operation.
inline vfs::StoreOutcome go_on(engine::OperationPtr operation) {
    return {.operation = std::move(operation)};
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
