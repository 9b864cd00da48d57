// SPDX-License-Identifier: MIT
//
// The part of the books that is about kernel memory: the stacks of threads
// (memcg_charge_kernel_stack, kernel/fork.c, 6.1) and an object for what a process maps.
#include "memcgfs/engine/memcg.h"
#include "memcgfs/meter/ledger.h"

namespace memcgfs::meter {

namespace {

constexpr Pages kStackSize{4};  // THREAD_SIZE of x86-64 and arm64
constexpr engine::KernelVersion kObjectsArePaidFor{4, 5};  // without asking for it

}  // namespace

std::unique_ptr<Operation> Ledger::first_region(std::int32_t pid) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || found->second.has_region ||
        engine_.profile().version < kObjectsArePaidFor) {
        return nullptr;
    }
    found->second.has_region = true;
    // Whichever object goes when its task does: they are all bytes of slab.
    return engine_.allocate_slab(found->second.task, engine::SlabKind::kTimer, 1);
}

std::unique_ptr<Operation> Ledger::thread_begins(std::int32_t pid, std::int32_t tid) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    const engine::Task* const task =
        found != books_.end() ? engine_.find(found->second.task) : nullptr;
    const engine::Cgroup* const group =
        task != nullptr ? engine_.find(task->groups.in(engine_.memory_hierarchy().id)) : nullptr;
    if (group == nullptr) {
        return nullptr;
    }
    stacks_[{pid, tid}] = std::nullopt;
    return engine_.allocate_kernel_memory(engine_.effective_memcg(*group), kStackSize,
                                          engine::ChargeClass::kUser, engine::KernelMemory::kStack);
}

void Ledger::stack_settled(std::int32_t pid, std::int32_t tid, const OperationResult& result) {
    if (!result.ok()) {
        return;  // there would have been no thread
    }
    const engine::KernelObjectId object{*result};
    const MutexLock lock(engine_mutex_);
    const auto found = stacks_.find({pid, tid});
    if (found != stacks_.end() && !found->second) {
        found->second = object;
    } else {
        engine_.free_kernel_memory(object);  // it has ended meanwhile
    }
}

void Ledger::thread_ends(std::int32_t pid, std::int32_t tid) {
    const MutexLock lock(engine_mutex_);
    const auto found = stacks_.find({pid, tid});
    if (found != stacks_.end()) {
        free_stack(found->second);
        stacks_.erase(found);
    }
}

void Ledger::free_stack(std::optional<engine::KernelObjectId> stack) {
    if (stack) {
        engine_.free_kernel_memory(*stack);
    }
}

void Ledger::drop_stacks(std::int32_t pid) {
    auto at = stacks_.lower_bound({pid, 0});
    while (at != stacks_.end() && at->first.first == pid) {
        free_stack(at->second);
        at = stacks_.erase(at);
    }
}

}  // namespace memcgfs::meter
