// SPDX-License-Identifier: MIT
#include "memcgfs/engine/engine.h"

#include <algorithm>

#include "engine/advise.h"
#include "engine/fault.h"
#include "engine/footprint.h"
#include "engine/hierarchies.h"
#include "engine/huge_page.h"
#include "engine/kernel_memory.h"
#include "engine/limit.h"
#include "engine/members.h"
#include "engine/notify.h"
#include "engine/oom.h"
#include "engine/oom_wait.h"
#include "engine/pages.h"
#include "engine/psi.h"
#include "engine/slab.h"
#include "engine/stat_flush.h"
#include "engine/subtree.h"
#include "engine/swap_device.h"
#include "engine/wmark_worker.h"
#include "engine/writeback.h"

namespace memcgfs::engine {

namespace {

/// Pages of the largest file or region: offsets in bytes are 64 bits (ULONG_MAX >> PAGE_SHIFT).
constexpr std::uint64_t kPagesMax = UINT64_MAX / kPageSize;

/// An operation on behalf of a task: it has the task's CPU, so that its stock is found again.
OpContext context_of(Engine::State& state, TaskId task) {
    const auto cpus = static_cast<std::uint32_t>(state.stocks.size());
    OpContext context = state.new_context(static_cast<std::uint32_t>(task.value) % cpus);
    context.task = task;
    return context;
}

/// An operation on a group, which is kept from now until the operation is destroyed.
template <class Body>
OperationPtr on_memcg(Engine::State& state, std::string_view name, Memcg& memcg, Body body) {
    return state.make_operation(
        name, [&state, &memcg, body, pin = std::make_shared<MemcgPin>(memcg)](OpContext& op) {
            return body(state, op, memcg);
        });
}

OperationPtr finished(Engine::State& state, std::string_view name, OperationResult result) {
    return std::make_unique<FinishedOperation>(state.new_operation_id(), name, std::move(result));
}

/// access_at_once() as the CPU of `context` does it.
std::optional<std::uint64_t> do_at_once(Engine::State& state, OpContext& context,
                                        const AccessRequest& request) {
    state.current_cpu = context.cpu;
    flush_if_due(state, context.clock->now());
    const std::optional<std::uint64_t> charged = access_at_once(state, context, request);
    state.current_cpu = 0;
    return charged;
}

OperationPtr access_operation(Engine::State& state, std::string_view name, TaskId task,
                              const AccessRequest& request) {
    if (request.range.first > kPagesMax || request.range.count > kPagesMax - request.range.first) {
        return finished(state, name, Err(Errno::kEINVAL));
    }
    OpContext context = context_of(state, task);
    if (const auto charged = do_at_once(state, context, request)) {
        return std::make_unique<FinishedOperation>(context.id, name, *charged);
    }
    return state.make_operation(name, context, [&state, request](OpContext& op) {
        return access_pages(state, op, request);
    });
}

/// What the root's files without a meaning there answer.
OperationPtr refused(Engine::State& state, std::string_view name) {
    return finished(state, name, Err(Errno::kEINVAL));
}

}  // namespace

Engine::Engine(const Environment& environment) : state_(std::make_unique<State>(environment)) {
    State& state = *state_;
    make_hierarchies(state);
    psi_begin(state, *state.unified->root);
    Cgroup& memory_root = *state.memory_hierarchy->root;
    online_css(state, memory_root);
    state.root_memcg = memory_root.memcg;
}

Engine::~Engine() = default;

const Profile& Engine::profile() const { return state_->profile(); }
Layout Engine::layout() const { return state_->environment.layout; }
const Machine& Engine::machine() const { return state_->machine(); }
NodeId Engine::node_count() const { return static_cast<NodeId>(state_->nodes.size()); }

const Hierarchy& Engine::memory_hierarchy() const { return *state_->memory_hierarchy; }
const Hierarchy& Engine::default_hierarchy() const { return *state_->unified; }
const Hierarchy* Engine::unified() const {
    return state_->unified_visible ? state_->unified : nullptr;
}
const MountFlags& Engine::mount_flags() const { return state_->environment.mount_flags; }
void Engine::set_mount_flags(const MountFlags& flags) { state_->environment.mount_flags = flags; }

bool Engine::panicked() const { return state_->panicked; }

Cgroup* Engine::find(CgroupId id) const { return state_->cgroups.find(id); }
Task* Engine::find(TaskId id) const { return state_->tasks.find(id); }

Task* Engine::find_task_by_pid(std::int32_t pid) const {
    const auto it = state_->task_by_pid.find(pid);
    return it != state_->task_by_pid.end() ? find(it->second) : nullptr;
}

Memcg& Engine::effective_memcg(const Cgroup& group) const { return engine::effective_memcg(group); }

Memcg& Engine::root_memcg() const { return *state_->root_memcg; }

std::string Engine::path(const Cgroup& group) const { return path_of(group); }

MappingId Engine::create_mapping(TaskId task_id, PageKind kind, Pages size) {
    Mapping& mapping = state_->mappings.emplace(kind);
    mapping.size = size;
    if (Task* task = find(task_id); task != nullptr && kind != PageKind::kFile) {
        map_region(*task, mapping);
        mapping.ends_with_users = true;
        place_region(*state_, *task, mapping);
        mapping.maker = task->id;
        set_huge_advice(*state_, mapping, HugeAdvice::kNone);
    }
    return mapping.id();
}

void Engine::map_mapping(TaskId task_id, MappingId mapping_id) {
    Task* task = find(task_id);
    Mapping* mapping = state_->mappings.find(mapping_id);
    if (task != nullptr && mapping != nullptr) {
        map_region(*task, *mapping);
    }
}

void Engine::unmap_mapping(TaskId task_id, MappingId mapping, bool keep) {
    if (Task* task = find(task_id); task != nullptr) {
        unmap_region(*state_, *task, mapping, keep);
        state_->collect_dying();
    }
}

void Engine::destroy_mapping(MappingId id) {
    if (Mapping* mapping = state_->mappings.find(id); mapping != nullptr) {
        free_all_pages(*state_, *mapping);
        if (mapping->users == 0) {
            state_->mappings.erase(id);
        }
        state_->collect_dying();
    }
}

void Engine::free_pages(MappingId id, Range range) {
    if (Mapping* mapping = state_->mappings.find(id); mapping != nullptr) {
        free_range(*state_, *mapping, range);
        state_->collect_dying();
    }
}

OperationPtr Engine::touch(TaskId task, MappingId mapping, Range range, Access access) {
    State& state = *state_;
    return access_operation(state, "fault", task, {mapping, range, access, true});
}

std::optional<std::uint64_t> Engine::touch_at_once(TaskId task, MappingId mapping,
                                                   std::uint64_t page, Access access) {
    if (page >= kPagesMax) {
        return std::nullopt;
    }
    OpContext context = context_of(*state_, task);
    return do_at_once(*state_, context, {mapping, {page, 1}, access, true});
}

OperationPtr Engine::file_io(TaskId task, MappingId mapping, Range range, Access access,
                             std::uint64_t syscall_pages) {
    State& state = *state_;
    return access_operation(state, "file_io", task, {mapping, range, access, false, syscall_pages});
}

void Engine::lock_mapping(MappingId id) {
    if (Mapping* mapping = state_->mappings.find(id); mapping != nullptr) {
        lock_pages(*state_, *mapping);
    }
}

void Engine::unlock_mapping(MappingId id) {
    if (Mapping* mapping = state_->mappings.find(id); mapping != nullptr) {
        unlock_pages(*state_, *mapping);
    }
}

void Engine::advise_huge(MappingId id, HugeAdvice advice) {
    if (Mapping* mapping = state_->mappings.find(id); mapping != nullptr) {
        set_huge_advice(*state_, *mapping, advice);
    }
}

void Engine::set_executable(MappingId id) {
    if (Mapping* mapping = state_->mappings.find(id); mapping != nullptr) {
        mapping->executable = true;
    }
}

OperationPtr Engine::sync_mapping(MappingId id) {
    State& state = *state_;
    return state.make_operation("fsync",
                                [&state, id](OpContext& op) { return sync_pages(state, op, id); });
}

OperationPtr Engine::sync_files() {
    State& state = *state_;
    return state.make_operation("sync",
                                [&state](OpContext& op) { return sync_all_pages(state, op); });
}

OperationPtr Engine::advise(TaskId task, MappingId mapping, Range range, Advice advice) {
    State& state = *state_;
    if (range.first > kPagesMax || range.count > kPagesMax - range.first) {
        return finished(state, "madvise", Err(Errno::kEINVAL));
    }
    const AdviceRequest request{mapping, range, advice};
    return state.make_operation(
        "madvise", context_of(state, task),
        [&state, request](OpContext& op) { return advise_as_task(state, op, request); });
}

std::uint64_t Engine::drop_mapping(MappingId id) {
    Mapping* mapping = state_->mappings.find(id);
    if (mapping == nullptr) {
        return 0;
    }
    const Pages dropped = write_and_drop(*state_, *mapping, state_->environment.clock.now());
    state_->collect_dying();
    return dropped.count();
}

OperationPtr Engine::pageout(TaskId task) {
    State& state = *state_;
    return state.make_operation("pageout", context_of(state, task),
                                [&state](OpContext& op) { return pageout_regions(state, op); });
}

Pages Engine::resident(TaskId id) const {
    const Task* const task = find(id);
    return task != nullptr ? footprint(*state_, *task).resident() : Pages{0};
}

Pages Engine::swapped(MappingId id) const {
    const Mapping* const mapping = state_->mappings.find(id);
    return mapping != nullptr ? mapping->swapped : Pages{0};
}

std::optional<Engine::Range> Engine::swapped_run(MappingId id, std::uint64_t from) const {
    Mapping* const mapping = state_->mappings.find(id);
    Extent* extent = mapping != nullptr ? mapping->next(from) : nullptr;
    while (extent != nullptr && extent->state.where != PageState::Where::kSwapped) {
        extent = mapping->next(extent->end());
    }
    return extent != nullptr ? std::optional(Range{extent->first, extent->count}) : std::nullopt;
}

OperationPtr Engine::allocate_kernel_memory(TaskId task, Pages pages, ChargeClass klass) {
    State& state = *state_;
    return state.make_operation("kernel_memory", context_of(state, task),
                                [&state, pages, klass](OpContext& op) {
                                    return allocate_own_kernel_memory(state, op, pages, klass);
                                });
}

OperationPtr Engine::allocate_kernel_memory(Memcg& memcg, Pages pages, ChargeClass klass,
                                            KernelMemory purpose) {
    return on_memcg(*state_, "kernel_memory", memcg,
                    [pages, klass, purpose](State& state, OpContext& op, Memcg& target) {
                        return engine::allocate_kernel_memory(state, op, target, pages, klass,
                                                              purpose);
                    });
}

void Engine::free_kernel_memory(KernelObjectId object) {
    engine::free_kernel_memory(*state_, object, 0);
    state_->collect_dying();
}

OperationPtr Engine::allocate_slab(TaskId task, SlabKind kind, std::uint64_t objects) {
    State& state = *state_;
    return state.make_operation("slab", context_of(state, task),
                                [&state, kind, objects](OpContext& op) {
                                    return engine::allocate_slab(state, op, kind, objects);
                                });
}

OperationPtr Engine::drop_caches(Caches which) {
    State& state = *state_;
    return state.make_operation("drop_caches", [&state, which](OpContext& op) {
        return engine::drop_caches(state, op, which);
    });
}


Result<std::uint32_t> Engine::swapon(const SwapDevice& device) {
    return add_swap_device(*state_, device);
}

OperationPtr Engine::swapoff(TaskId task, std::uint32_t device) {
    State& state = *state_;
    return state.make_operation(
        "swapoff", context_of(state, task),
        [&state, device](OpContext& op) { return empty_swap_device(state, op, device); });
}

OperationPtr Engine::set_limit(Memcg& memcg, CounterKind kind, Pages max) {
    if (memcg.is_root()) {
        return refused(*state_, "limit");
    }
    const LimitRequest request{kind, max};
    if (resize_limit_at_once(*state_, memcg, request)) {
        return finished(*state_, "limit", std::uint64_t{0});
    }
    return on_memcg(*state_, "limit", memcg, [request](State& state, OpContext& op, Memcg& target) {
        return resize_limit(state, op, target, request);
    });
}

OperationPtr Engine::set_memory_max(Memcg& memcg, Pages max, TaskId writer) {
    if (set_at_once(*state_, memcg, &PageCounter::set_max, max)) {
        return finished(*state_, "memory.max", std::uint64_t{0});
    }
    return on_memcg(*state_, "memory.max", memcg,
                    [max, writer](State& state, OpContext& op, Memcg& target) {
                        op.task = writer;
                        return write_memory_max(state, op, target, max);
                    });
}

OperationPtr Engine::set_memory_high(Memcg& memcg, Pages high) {
    if (set_at_once(*state_, memcg, &PageCounter::set_high, high)) {
        return finished(*state_, "memory.high", std::uint64_t{0});
    }
    return on_memcg(*state_, "memory.high", memcg,
                    [high](State& state, OpContext& op, Memcg& target) {
                        return write_memory_high(state, op, target, high);
                    });
}

OperationPtr Engine::reclaim_pages(Memcg& memcg, Pages pages,
                                   std::optional<std::uint64_t> swappiness) {
    const ProactiveRequest request{pages, swappiness};
    return on_memcg(*state_, "memory.reclaim", memcg,
                    [request](State& state, OpContext& op, Memcg& target) {
                        return write_memory_reclaim(state, op, target, request);
                    });
}

OperationPtr Engine::force_empty(Memcg& memcg) {
    if (memcg.is_root()) {
        return refused(*state_, "force_empty");
    }
    return on_memcg(*state_, "force_empty", memcg, [](State& state, OpContext& op, Memcg& target) {
        return write_force_empty(state, op, target);
    });
}

void Engine::set_min(Memcg& memcg, Pages min) { memcg.memory.set_min(min); }
void Engine::set_low(Memcg& memcg, Pages low) { memcg.memory.set_low(low); }

void Engine::set_oom_kill_disable(Memcg& memcg, bool disable) {
    memcg.oom_kill_disable = disable;
    if (!disable) {
        oom_recover(*state_, memcg);
    }
}

void Engine::set_swappiness(Memcg& memcg, std::uint64_t swappiness) {
    memcg.swappiness = swappiness;
    if (memcg.is_root()) {
        state_->vm_swappiness = swappiness;
    }
}

PageCounter& Engine::counter(Memcg& memcg, CounterKind kind) const {
    switch (kind) {
        case CounterKind::kMemory:
            return memcg.memory;
        case CounterKind::kMemsw:
            return memcg.memsw;
        case CounterKind::kSwap:
            return memcg.swap;
        case CounterKind::kKmem:
            return memcg.kmem();
        case CounterKind::kTcpmem:
            return memcg.tcpmem();
    }
    MEMCGFS_UNREACHABLE();
}

Pages Engine::usage(const Memcg& memcg, CounterKind kind) const {
    if (kind == CounterKind::kMemory || kind == CounterKind::kMemsw) {
        return memcg_usage(memcg, kind == CounterKind::kMemsw);
    }
    return counter(const_cast<Memcg&>(memcg), kind).usage();
}

void Engine::watch_content(Cgroup& group) {
    if (group.memcg != nullptr) {
        state_->content_watched = true;
        group.memcg->watch(state_->environment.effects).arm();
    }
}

void Engine::flush_stats(Memcg& memcg) { engine::flush_stats(*state_, memcg); }

void Engine::flush_subtree(Memcg& memcg) { engine::flush_subtree(*state_, memcg); }

Pages Engine::hierarchical_limit(const Memcg& memcg, CounterKind kind) const {
    Pages least = kPageCounterMax;
    for (const Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        least = std::min(least, counter(const_cast<Memcg&>(*level), kind).max());
    }
    return least;
}

void Engine::set_wmark_ratio(Memcg& memcg, std::uint32_t ratio_percent) {
    memcg.wmark.ratio_percent = ratio_percent;
    recompute_wmark(*state_, memcg);
    kick_wmark(*state_, memcg);
}

void Engine::set_wmark_scale_factor(Memcg& memcg, std::uint32_t scale_factor) {
    memcg.wmark.scale_factor = scale_factor;
    recompute_wmark(*state_, memcg);
}

}  // namespace memcgfs::engine
