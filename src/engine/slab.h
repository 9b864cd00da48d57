// SPDX-License-Identifier: MIT
//
// Slab: kernel objects smaller than a page, charged to groups by their bytes (obj_cgroup_charge,
// refill_obj_stock, drain_obj_stock, mm/memcontrol.c; super_cache_scan, fs/super.c, 6.1; spec
// engine.md 3.6).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"
#include "memcgfs/engine/slab_kind.h"

namespace memcgfs::engine {

/// Body of Engine::allocate_slab: the group of the operation's task pays.
Coro<OperationResult> allocate_slab(Engine::State& state, OpContext& op, SlabKind kind,
                                    std::uint64_t objects);

/// A task ends, and what it alone had.
void free_task_slab(Engine::State& state, TaskId task);

/// What the shrinker of the disk's superblock finds of a group on one node.
std::uint64_t count_dentries(const Engine::State& state, const Memcg& memcg, NodeId node);
/// Frees at most so many of them.
void prune_dentries(Engine::State& state, Memcg& memcg, NodeId node, std::uint64_t most);

/// Bytes of `root`'s subtree in the CPUs' stocks become those groups' own, whole pages are given
/// back (part of drain_all_stock).
void drain_slab_stocks(Engine::State& state, const Memcg& root);

/// What a removed group has allocated is its parent's affair from now on.
void reparent_slab(Engine::State& state, Memcg& memcg);

/// check_invariants() for slab.
void check_slab(const Engine::State& state);

}  // namespace memcgfs::engine
