// SPDX-License-Identifier: MIT
#include "engine/kernel_memory.h"

#include "engine/charge.h"
#include "engine/members.h"
#include "engine/pages.h"

namespace memcgfs::engine {

namespace {

/// Numbers of one group: counters of memory are charged apart.
void count(Engine::State& state, Memcg& memcg, const KernelObject& object, bool more) {
    const Pages pages = object.pages;
    const std::int64_t delta = more ? as_delta(pages) : -as_delta(pages);
    if (object.purpose == KernelMemory::kSocket) {
        if (state.memory_on_v1()) {
            more ? memcg.tcpmem().charge(pages) : memcg.tcpmem().uncharge(pages);
        } else {
            memcg.add_stat(StatItem::kSock, delta);
        }
        return;
    }
    memcg.add_stat(StatItem::kKernel, delta);
    if (object.purpose == KernelMemory::kStack) {
        memcg.add_node_stat(object.node, StatItem::kKernelStack, delta);
    } else {
        memcg.add_node_stat(object.node, StatItem::kSlabUnreclaimable,
                            delta * static_cast<std::int64_t>(kPageSize));
    }
    if (state.memory_on_v1()) {
        more ? memcg.kmem().charge(pages) : memcg.kmem().uncharge(pages);
    }
}

/// In the group's counter of memory. v1's sockets are not (mem_cgroup_charge_skmem, 6.1).
bool is_charged(const Engine::State& state, KernelMemory purpose) {
    return purpose != KernelMemory::kSocket || !state.memory_on_v1();
}

}  // namespace

Coro<OperationResult> allocate_own_kernel_memory(Engine::State& state, OpContext& op, Pages pages,
                                                 ChargeClass klass) {
    const Task* task = state.tasks.find(op.task);
    Memcg& memcg = task != nullptr ? charged_memcg(state, *task) : *state.root_memcg;
    co_return co_await allocate_kernel_memory(state, op, memcg, pages, klass);
}

Coro<OperationResult> allocate_kernel_memory(Engine::State& state, OpContext& op, Memcg& memcg,
                                             Pages pages, ChargeClass klass, KernelMemory purpose) {
    const MemcgPin pin(memcg);
    const ChargeRequest request{.memcg = memcg, .pages = pages, .klass = klass};
    if (is_charged(state, purpose)) {
        const Result<void> charged = co_await try_charge(state, op, request);
        if (!charged.ok()) {
            co_return Err(charged.error());
        }
    }
    // The group may have been removed while the charge took its time.
    Memcg& owner = online_memcg(memcg);
    KernelObject& object = state.kernel_objects.emplace(&memcg, pages);
    object.node = state.local_node(op.cpu);
    object.purpose = purpose;
    count(state, memcg, object, true);
    if (&owner != &memcg) {
        reparent_kernel_memory(state, memcg);
    }
    co_return object.id.value;
}

void free_kernel_memory(Engine::State& state, KernelObjectId id, std::uint32_t cpu) {
    const KernelObject* object = state.kernel_objects.find(id);
    if (object == nullptr) {
        return;
    }
    Memcg& memcg = *object->memcg;
    const Pages pages = object->pages;
    const bool charged = is_charged(state, object->purpose) && !memcg.is_root();
    count(state, memcg, *object, false);
    state.kernel_objects.erase(id);
    if (charged) {
        refill_stock(state, cpu, memcg, pages);
    }
}

void reparent_kernel_memory(Engine::State& state, Memcg& memcg) {
    Memcg& parent = online_memcg(memcg);
    state.kernel_objects.for_each([&](KernelObject& object) {
        if (object.memcg != &memcg) {
            return;
        }
        object.memcg = &parent;
        count(state, memcg, object, false);
        count(state, parent, object, true);
        if (!is_charged(state, object.purpose)) {
            return;
        }
        memcg.memory.uncharge(object.pages);
        memcg.memsw.uncharge(state.memory_on_v1() ? object.pages : Pages{0});
        if (!parent.is_root()) {
            parent.memory.charge(object.pages);
            parent.memsw.charge(state.memory_on_v1() ? object.pages : Pages{0});
        }
    });
}

}  // namespace memcgfs::engine
