// SPDX-License-Identifier: MIT
//
// What the engine's parts share. Private to src/engine; the facade is engine.h.
//
// The state has no policy: it keeps objects, counts events and pages, and hands effects on.
// Charging, reclaim, OOM and the rest are functions over it, one file each.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/io_queue.h"
#include "engine/node.h"
#include "engine/operation.h"
#include "engine/rate_limit.h"
#include "engine/shrinker_state.h"
#include "engine/slab_state.h"
#include "engine/watermark.h"
#include "engine/zswap_pool.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/engine/machine_stat.h"

namespace memcgfs::engine {

/// Kernel memory that a group pays for until it is freed (struct obj_cgroup, in whole pages).
struct KernelObject {
    KernelObject(KernelObjectId object_id, Memcg* owner, Pages size)
        : id(object_id), memcg(owner), pages(size) {}
    KernelObjectId id;
    Memcg* memcg;
    Pages pages;
    NodeId node = 0;
    KernelMemory purpose = KernelMemory::kSlab;
};

struct Engine::State {
    explicit State(const Environment& environment_in);

    Environment environment;
    SlotMap<Cgroup, CgroupTag> cgroups;
    SlotMap<Memcg, MemcgTag> memcgs;
    SlotMap<Task, TaskTag> tasks;
    SlotMap<Mapping, MappingTag> mappings;
    SlotMap<KernelObject, KernelObjectTag> kernel_objects;
    SlotMap<EventRegistration, EventTag> events;
    std::set<EventId> ending_events;  ///< their group has gone, their last tick is to come
    struct PsiTriggerHome {
        PsiTriggerHome(PsiTriggerId trigger_id, CgroupId cgroup) : id(trigger_id), group(cgroup) {}
        PsiTriggerId id;
        CgroupId group;
    };
    SlotMap<PsiTriggerHome, PsiTriggerTag> psi_triggers;
    std::unordered_map<std::int32_t, TaskId> task_by_pid;  // only looked up, never iterated
    std::deque<Hierarchy> hierarchies;  ///< by id; grows at the end alone: groups point to them
    const Hierarchy* memory_hierarchy = nullptr;
    Hierarchy* unified = nullptr;      ///< v2's
    bool unified_visible = false;      ///< it has been mounted
    std::uint32_t v1_hierarchies = 0;  ///< ever made
    Memcg* root_memcg = nullptr;
    std::uint64_t next_operation = 1;
    std::uint64_t next_files_version = 1;
    std::vector<Node> nodes;
    VmKnobs vm_knobs;
    VmEvents vm_events{};
    Pages swap_used{};
    struct SwapArea {
        SwapDevice device;
        Pages used{};
        bool on = true;
    };
    std::vector<SwapArea> swap_areas;
    std::set<std::string, std::less<>> warned;  ///< lines of the kernel log that come once
    ZswapPool zswap;
    std::size_t next_swap_area = 0;  ///< whose turn it is among equal priorities
    std::uint64_t vm_swappiness = 60;
    std::uint32_t vm_panic_on_oom = 0;
    std::int32_t vm_oom_kill_allocating_task = 0;
    std::vector<Membership> css_sets;
    std::map<Membership, std::uint32_t> css_set_numbers;
    std::vector<CgroupId> zombies;  ///< where they count for pids
    TornPages torn_pages;
    /// The background thread that makes huge pages of small ones (khugepaged.h).
    struct Khugepaged {
        bool running = false;
        std::uint64_t next_slot = 1;
        std::map<std::uint64_t, TaskId> slots;  ///< who is looked at, in this order
        std::uint64_t slot = 0;                 ///< at whom it is; 0: at the list's beginning
        std::uint64_t address = 0;              ///< where in that task's memory, in pages
    };
    Khugepaged khugepaged;
    SlabState slab;
    ShrinkerBacklog shrinker_backlog;
    std::vector<Memcg*> dying;  ///< removed memcgs that may still hold charges

    /// Per-CPU charges taken in advance (struct memcg_stock_pcp).
    struct Stock {
        Memcg* owner = nullptr;
        Pages pages{};
    };
    std::vector<Stock> stocks;
    std::uint32_t current_cpu = 0;  ///< of the operation that is being stepped

    /// Pages being written: to the disk, then to each swap device.
    std::vector<IoQueue> io_queues;
    bool io_worker_running = false;
    /// Mappings with dirty pages, the longest dirty first.
    std::deque<MappingId> dirty_mappings;
    bool flusher_running = false;

    /// A task parked by oom_kill_disable (v1).
    struct OomWaiter {
        OperationId operation{};
        Memcg* memcg = nullptr;
        bool woken = false;
    };
    std::vector<OomWaiter> oom_waiters;
    /// Counts flushes of all statistics from 1 on; 0 in a kernel that has none (stat_flush.h).
    std::uint64_t stat_epoch;
    Nanos next_stat_flush{};
    RateLimit oom_report_limit;
    RateLimit hopeless_fault_limit;
    /// The move of a process's charges under way (struct move_charge_struct).
    struct ChargeMoveState {
        bool active = false;
        OperationId operation{};
        Memcg* from = nullptr;  ///< pinned by the operation, as `to`
        Memcg* to = nullptr;
        std::vector<OperationId> waiters{};
    };
    ChargeMoveState charge_move;
    bool content_watched = false;  ///< somebody has called watch_content()
    bool pids_limited = false;     ///< some group has had a pids.max
    bool panicked = false;  ///< vm.panic_on_oom: nothing is killed any more

    const Profile& profile() const { return environment.profile; }
    const Machine& machine() const { return environment.machine; }
    /// The node of an operation's CPU.
    NodeId local_node(std::uint32_t cpu) const {
        return node_of_cpu(nodes.size(), cpu, stocks.size());
    }
    std::uint32_t hz() const {
        return machine().hz != 0 ? machine().hz : profile().ticks_per_second;
    }
    bool local_events() const {
        return environment.mount_flags.memory_localevents && profile().memory_localevents;
    }
    bool recursive_protection() const {
        return environment.mount_flags.memory_recursiveprot && profile().memory_recursiveprot;
    }
    bool memory_on_v1() const { return !memory_hierarchy->is_v2(); }

    // Objects.
    OperationId new_operation_id() { return OperationId{next_operation++}; }
    OpContext new_context();
    OpContext new_context(std::uint32_t cpu);
    OperationPtr make_operation(std::string_view name, OpContext context, CoroOperation::Body body);
    OperationPtr make_operation(std::string_view name, CoroOperation::Body body);
    /// `above`: whose settings it takes over, and its parent unless use_hierarchy is off there:
    /// then the root is, as in 5.10 (before, such a group had none, which no file shows).
    Memcg& new_memcg(Memcg* above, CgroupId cgroup);
    /// Frees removed memcgs that hold nothing any more. Between steps only.
    void collect_dying();
    void free_memcg(Memcg& memcg);

    /// A victim of the OOM killer that is in the middle of something gets a clock tick to end it
    /// (schedule_timeout_killable(1)); time does not pass for those who only yield.
    PauseAwaiter tick(const OpContext& op) const {
        const Nanos length{1'000'000'000 / profile().ticks_per_second};
        return pause({Step::Kind::kSleep, op.clock->now() + length});
    }

    /// True if a simulation wants `site` to go wrong now.
    bool may_fault(FaultSite site) const {
        return environment.faults != nullptr && environment.faults->may_fire(site);
    }
    bool fault(FaultSite site) const {
        return environment.faults != nullptr && environment.faults->fires(site);
    }
    /// Modelled time of moving pages to or from swap.
    Nanos transfer_cost(Nanos per_page, Pages pages) const;

    // Accounting.
    void emit(Effect effect) { environment.effects.emit(std::move(effect)); }
    void trace(TraceEvent::Kind kind, const Memcg& memcg, std::uint64_t a = 0, std::uint64_t b = 0);
    /// /proc/vmstat's counters.
    void count(VmEvent event, std::uint64_t count) {
        vm_events[static_cast<std::size_t>(event)] += count;
    }
    /// memory.events and memory.swap.events (memcg_memory_event).
    void event(Memcg& memcg, MemcgEvent event);
    void log(std::string line, LogLevel level = LogLevel::kInfo) {
        emit(KernelLogEffect{std::move(line), level});
    }
    /// update_lru_size: so many pages more, or less, on the list that `page_state` names.
    void change_list(Memcg& memcg, const PageState& page_state, std::int64_t pages);
    /// Puts an extent on its memcg's list, or takes it off, with the list statistics.
    Extent& lru_add(Extent& extent);
    /// New pages that continue the youngest run of their list join it: no extent of their own.
    bool lru_extend_head(const Mapping& mapping, Range range, Memcg& memcg,
                         const PageState& page_state);
    Extent& lru_add_tail(Extent& extent);
    void lru_add_above(Extent& place, Extent& extent);
    void lru_remove(Extent& extent);
    /// Takes `pages`, huge ones as one `folio` each, off the counters of their owner; wakes v1 OOM
    /// waiters.
    void uncharge_memory(Memcg& memcg, Pages pages, std::uint64_t folios);
    /// The same, but memory + swap goes on counting: the page lives on in a swap slot (v1).
    void uncharge_memory_keeping_memsw(Memcg& memcg, Pages pages, std::uint64_t folios);
    Pages swap_total() const;
    Pages swap_free() const;
    /// At most one announcement a file in 10 ms; later ones come together at the end
    /// (file_notify.cc).
    void notify(const Cgroup& group, NotifyFile file);

    /// Threads with a place of their own, by process and id. They are in no other index.
    std::map<std::int32_t, std::map<std::int32_t, TaskId>> threads_apart;
};

/// Keeps a memcg's memory for as long as a coroutine holds a pointer across pauses.
class MemcgPin {
public:
    explicit MemcgPin(Memcg& memcg) : memcg_(&memcg) { memcg_->pins++; }
    ~MemcgPin() { memcg_->pins--; }
    MemcgPin(const MemcgPin&) = delete;
    MemcgPin& operator=(const MemcgPin&) = delete;
    void reset(Memcg& memcg) {
        memcg.pins++;
        memcg_->pins--;
        memcg_ = &memcg;
    }

private:
    Memcg* memcg_;
};

/// check_invariants() for all mappings (mapping_invariants.cc).
void check_mappings(const Engine::State& state);

constexpr std::int64_t as_delta(Pages pages) { return static_cast<std::int64_t>(pages.count()); }

}  // namespace memcgfs::engine
