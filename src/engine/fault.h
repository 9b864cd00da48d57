// SPDX-License-Identifier: MIT
//
// Page faults and file I/O of tasks (mm/memory.c, mm/filemap.c, 6.1; spec engine.md 3.1).
#pragma once

#include <optional>

#include "engine/advise.h"
#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct AccessRequest {
    MappingId mapping;
    Engine::Range range;
    Access access = Access::kRead;
    bool through_mmap = true;             ///< a page fault, not read(2) or write(2)
    std::uint64_t syscall_pages = 16;     ///< of one read(2) or write(2)
    std::uint64_t small_at = UINT64_MAX;  ///< where no huge page could be had
};

/// An access to one page that neither waits nor charges a counter: the page is there, or this
/// CPU's stock pays for it. The result is what the operation's would be; nullopt: take the long
/// way. Most page faults of a program are of this kind, and a coroutine costs more than they do.
std::optional<std::uint64_t> access_at_once(Engine::State& state, OpContext& op,
                                            const AccessRequest& request);

/// Body of Engine::touch and Engine::file_io.
Coro<OperationResult> access_pages(Engine::State& state, OpContext& op, AccessRequest request);

/// Body of Engine::advise.
Coro<OperationResult> advise_as_task(Engine::State& state, OpContext& op, AdviceRequest request);

/// Body of Engine::pageout.
Coro<OperationResult> pageout_regions(Engine::State& state, OpContext& op);

}  // namespace memcgfs::engine
