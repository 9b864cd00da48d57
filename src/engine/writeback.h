// SPDX-License-Identifier: MIT
//
// Dirty pages of files: who writes them and who waits (mm/page-writeback.c, fs/fs-writeback.c,
// 6.1; spec engine.md 3.9).
//
// The flusher is an operation that lives as long as there are dirty pages. It writes a file half
// a minute after it became dirty; a writer above the background threshold has the rest written at
// once, and sleeps while there is too much under way.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Pages of the mapping have become dirty: the flusher has to know of it.
void note_dirty(Engine::State& state, Mapping& mapping);

/// Starts writing a mapping's dirty pages; returns how many. No extent is isolated.
Pages write_mapping(Engine::State& state, Mapping& mapping, Nanos now);

/// The same for every mapping, or for the dirty pages of one group's subtree.
void write_all(Engine::State& state, Nanos now, const Memcg* within = nullptr);

/// Lets a writer that makes pages dirty faster than the disk takes them wait.
Coro<void> balance_dirty_pages(Engine::State& state, OpContext& op, Memcg& memcg);

/// fsync: writes and waits. Result: pages written.
Coro<OperationResult> sync_pages(Engine::State& state, OpContext& op, MappingId id);

/// sync: the same for all that is dirty, or being written, at its beginning.
Coro<OperationResult> sync_all_pages(Engine::State& state, OpContext& op);

}  // namespace memcgfs::engine
