// SPDX-License-Identifier: MIT
//
// Kernel memory that a group pays for: objects that the kernel allocates on behalf of a task
// (obj_cgroup_charge, memcg_reparent_objcgs, mm/memcontrol.c, 6.1; spec engine.md 1.3, 7.4).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Bodies of Engine::allocate_kernel_memory: the group of the operation's task pays, or `memcg`.
Coro<OperationResult> allocate_own_kernel_memory(Engine::State& state, OpContext& op, Pages pages,
                                                 ChargeClass klass);
Coro<OperationResult> allocate_kernel_memory(Engine::State& state, OpContext& op, Memcg& memcg,
                                             Pages pages, ChargeClass klass,
                                             KernelMemory purpose = KernelMemory::kSlab);

/// The pages go to this CPU's stock. No OOM waiter is woken, as in the kernel.
void free_kernel_memory(Engine::State& state, KernelObjectId id, std::uint32_t cpu);

/// What a removed group has allocated is its parent's affair from now on.
void reparent_kernel_memory(Engine::State& state, Memcg& memcg);

}  // namespace memcgfs::engine
