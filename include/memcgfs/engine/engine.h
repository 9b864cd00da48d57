// SPDX-License-Identifier: MIT
//
// The engine: a machine, its groups and what happens to its memory. Pure: no I/O, threads, real
// clock, logging or FUSE; time and randomness come in, effects go out.
//
// Locking: one lock for all of it (LockRank::kEngine), taken by the caller around every method
// and around each step() of the operations returned here. Nothing here waits.
//
// Methods named after kernel functions do what those do in 6.1; the profile's quirks say where a
// version differs. Values are pages; bytes exist only in the interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/base/random.h"
#include "memcgfs/base/result.h"
#include "memcgfs/base/text_buffer.h"
#include "memcgfs/engine/cgroup.h"
#include "memcgfs/engine/charge_class.h"
#include "memcgfs/engine/effect.h"
#include "memcgfs/engine/fault_site.h"
#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/machine_stat.h"
#include "memcgfs/engine/memcg.h"
#include "memcgfs/engine/notify.h"
#include "memcgfs/engine/profile.h"
#include "memcgfs/engine/psi.h"
#include "memcgfs/engine/slab_kind.h"
#include "memcgfs/engine/task.h"

namespace memcgfs::engine {

enum class CounterKind : std::uint8_t { kMemory, kMemsw, kSwap, kKmem, kTcpmem };
enum class Access : std::uint8_t { kRead, kWrite };
/// MADV_COLD, MADV_PAGEOUT, MADV_FREE, MADV_DONTNEED.
enum class Advice : std::uint8_t { kCold, kPageout, kFree, kDontNeed };
using OperationPtr = std::unique_ptr<Operation>;

/// Mount options of the v2 hierarchy; of no effect where the kernel does not know them.
struct MountFlags {
    bool nsdelegate = true;            ///< shown; the file table acts on it
    bool favordynmods = false;         ///< shown alone
    bool memory_localevents = false;   ///< memory.events counts the group alone
    bool memory_recursiveprot = true;  ///< unclaimed protection goes down; systemd's choice
    bool memory_hugetlb_accounting = false;  ///< shown alone
    bool pids_localevents = false;     ///< pids.events counts the group's own refused forks (6.12)
};

class Engine {
public:
    /// Everything the engine needs from outside; all of it outlives the engine.
    struct Environment {
        const Profile& profile;
        Layout layout;
        Machine machine;
        const Clock& clock;
        EffectSink& effects;
        Observer* observer = nullptr;     ///< may be nullptr
        FaultInjector* faults = nullptr;  ///< may be nullptr; for simulations
        MountFlags mount_flags = {};
        /// v1 hierarchies in the order of their making; no controller twice. The layout's with the
        /// memory controller comes first where it is not named.
        std::vector<HierarchySpec> further_hierarchies = {};
        /// Writes a group's memory.stat as the OOM report shows it: the files' formats are not
        /// the engine's affair. Called under the engine lock. Empty: the report lacks it.
        std::function<void(const Memcg&, TextBuffer&)> print_stat = {};
    };

    explicit Engine(const Environment& environment);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const Profile& profile() const;
    /// What it was made with; mounts may have changed it since.
    Layout layout() const;
    const Machine& machine() const;
    NodeId node_count() const;
    /// Those that can be mounted or are, in the order of their making, v2's first.
    std::vector<const Hierarchy*> hierarchies() const;
    /// The hierarchy that has the memory controller.
    const Hierarchy& memory_hierarchy() const;
    /// The v2 hierarchy, or nullptr while nobody has mounted it (cgrp_dfl_visible, 6.1).
    const Hierarchy* unified() const;
    /// The v2 hierarchy, mounted or not: its root is the whole system's group (cgrp_dfl_root).
    const Hierarchy& default_hierarchy() const;

    // Mounting (hierarchies.cc). References stay valid for as long as the hierarchy.
    /// The v1 hierarchy that mount(2) means, made if there is none; `none` says that no controllers
    /// are wanted (cgroup1_root_to_use, 6.1). EBUSY: a controller belongs to another v1 hierarchy
    /// or to v2 groups, or the name to one with other controllers. EINVAL: a name alone, which
    /// nobody has yet.
    Result<const Hierarchy*> mount_v1(const HierarchySpec& spec, bool none);
    const Hierarchy& mount_v2();
    /// The last mount of a v1 hierarchy has gone. Without groups it ends, and its controllers are
    /// v2's again; else it waits to be mounted anew (cgroup_kill_sb).
    void unmounted(HierarchyId id);
    const MountFlags& mount_flags() const;
    /// A remount of v2 (apply_cgroup_root_flags).
    void set_mount_flags(const MountFlags& flags);

    // Groups (cgroup_core.cc).
    Cgroup* find(CgroupId id) const;
    Task* find(TaskId id) const;
    Task* find_task_by_pid(std::int32_t pid) const;
    /// A process's thread that has a place of its own; nullptr: it is with its process.
    Task* find_thread(std::int32_t pid, std::int32_t tid) const;
    /// All such threads.
    std::vector<TaskId> threads_apart() const;
    /// EAGAIN (v2 depth or descendants), ENOSPC (no memcg id left), ENODEV (parent removed).
    Result<CgroupId> create_cgroup(CgroupId parent, std::string_view name);
    /// EBUSY: members or children. ENODEV: already removed.
    Result<void> remove_cgroup(CgroupId id);
    Result<void> rename_cgroup(CgroupId id, std::string_view new_name);
    /// The memcg that a member of `group` is charged to.
    Memcg& effective_memcg(const Cgroup& group) const;
    Memcg& root_memcg() const;
    /// "/" or "/a/b".
    std::string path(const Cgroup& group) const;
    /// cgroup.controllers: what this group may hand out.
    ControllerMask available_controllers(const Cgroup& group) const;
    /// Spec files.md B1: all or nothing. ENOENT, EBUSY, EOPNOTSUPP as there.
    Result<void> set_subtree_control(Cgroup& group, ControllerMask enable, ControllerMask disable);
    /// cgroup.type. A threaded group shares its resources' domain with its parent.
    GroupType type(const Cgroup& group) const;
    /// Writes "threaded". EOPNOTSUPP: populated, or hands out controllers of domains, or the domain
    /// above does.
    Result<void> make_threaded(Cgroup& group);
    /// Freezes or thaws the members of the group and below; notifies cgroup.events.
    void set_freeze(Cgroup& group, bool freeze);
    /// v1: whether the hierarchy's release agent runs when the group becomes empty, and which
    /// program that is; "" for none. `root` is a hierarchy's.
    void set_notify_on_release(Cgroup& group, bool notify);
    void set_release_agent(Cgroup& root, std::string program);
    /// The processes, a group's in a row, whose groups run a release agent when they are empty.
    std::vector<std::int32_t> awaited_members() const;
    /// True if this group or an ancestor is set to freeze.
    bool frozen(const Cgroup& group) const;
    /// SIGKILL to every member of the group and below (cgroup.kill).
    void kill_cgroup(Cgroup& group);

    // Controllers other than memory: what is set without a rule is set in Cgroup::states.
    // pids (controllers/pids.cc).
    /// Threads of the members of the group and below, and its zombies; keeps the peak.
    std::uint64_t pids_current(Cgroup& group);
    /// The processes that have ended and have not been waited for, each by its css_set: they count
    /// for pids alone. Those named before are forgotten.
    void set_zombies(std::span<const std::uint32_t> css_sets);
    /// Below kPidsUnlimited, or that.
    void set_pids_max(Cgroup& group, std::uint64_t max);
    /// Whether a fork can be refused at all: some group has, or has had, a pids.max.
    bool limits_pids() const;
    /// pids_can_fork(): a member of `forker`, a group of the hierarchy with the pids controller,
    /// wants one more thread. `pending` are the groups of threads already granted that are not
    /// members yet. The group whose limit is in the way; nullptr: granted. Keeps the peaks.
    Cgroup* try_charge_pids(Cgroup& forker, std::span<const CgroupId> pending);
    /// The fork was refused by the limit of `over`: events, and the kernel log at the first.
    void note_refused_fork(Cgroup& forker, Cgroup& over);
    /// "max" of pids.events, and of pids.events.local.
    struct RefusedForks {
        std::uint64_t events = 0;
        std::uint64_t local = 0;
    };
    RefusedForks refused_forks(const Cgroup& group) const;

    // cpu (controllers/cpu.cc). Root: EINVAL.
    Result<void> set_cpu_shares(Cgroup& group, std::uint64_t shares);
    Result<void> set_cpu_idle(Cgroup& group, std::int64_t idle);
    struct CpuBandwidth {
        std::optional<std::uint64_t> quota_us;
        std::uint64_t period_us = 0;
        std::uint64_t burst_us = 0;
    };
    /// EINVAL: out of range, or (v1) more than the parent has, or less than a child.
    Result<void> set_cpu_bandwidth(Cgroup& group, const CpuBandwidth& bandwidth);

    // devices (controllers/devices.cc).
    /// EINVAL: the group has children.
    Result<void> allow_all_devices(Cgroup& group);
    Result<void> deny_all_devices(Cgroup& group);
    /// EPERM: the parent does not have it.
    Result<void> allow_device(Cgroup& group, const DeviceRule& rule);
    void deny_device(Cgroup& group, const DeviceRule& rule);

    // cpuset (controllers/cpuset.cc).
    /// All CPUs or nodes of the machine.
    IdSet all_cpus() const;
    IdSet all_mems() const;
    /// What a member may use.
    IdSet effective_cpus(const Cgroup& group) const;
    IdSet effective_mems(const Cgroup& group) const;
    /// The group's own setting.
    CpusetState cpuset(const Cgroup& group) const;
    /// EACCES (root, or not within the parent), EINVAL (shared with an exclusive sibling), EBUSY (a
    /// child has it), ENOSPC (members would be left with nothing).
    Result<void> set_cpuset_cpus(Cgroup& group, const IdSet& cpus);
    /// The same, and EINVAL for nodes that are not there. An operation where pages follow.
    Result<OperationPtr> set_cpuset_mems(Cgroup& group, const IdSet& mems);
    Result<void> set_cpuset_flag(Cgroup& group, CpusetFlag flag, bool value);
    /// Never fails: a partition that cannot be is an invalid one.
    void set_partition(Cgroup& group, Partition partition);
    /// EINVAL: a sibling has some of them, or would be left with none.
    Result<void> set_exclusive_cpus(Cgroup& group, const IdSet& cpus);
    /// Those of them that all groups above may give; of a partition, its own.
    IdSet exclusive_cpus(const Cgroup& group) const;
    /// CPUs of all isolated partitions.
    IdSet isolated_cpus() const;
    Result<void> set_relax_domain_level(Cgroup& group, std::int64_t level);
    void set_memory_pressure_enabled(Cgroup& group, bool enabled);

    // Tasks (cgroup_core.cc).
    /// A process becomes known. Groups that are none (or gone) mean the roots.
    TaskId add_task(TaskInfo info, const Membership& groups);
    /// The process has exited: its memory is freed and its membership ends.
    void exit_task(TaskId id);
    /// A process as it is now; `info` counts all its threads.
    void update_task(TaskId id, TaskInfo info);
    /// Moves a process with all its threads (attach, spec files.md B4 without permissions): EBUSY
    /// (no internal processes), ENODEV, EOPNOTSUPP. Charges stay.
    Result<void> attach_task(TaskId id, CgroupId group);
    /// Whether cgroup.threads of the v2 group may take the task, a process or a thread apart,
    /// (cgroup_attach_permissions, 6.1): as attach_task(), and EOPNOTSUPP out of its domain.
    Result<void> may_move_thread(TaskId id, CgroupId group) const;
    /// In pages.
    struct Range {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
    };
    /// A part of a file that a process has mapped without map_mapping().
    struct FileRegion {
        MappingId cache;
        Range pages;
    };
    /// Whether charges of mapped files come along into the group.
    bool moves_files(CgroupId group) const;
    /// attach_task() with v1's move_charge_at_immigrate: an operation where charges may come along,
    /// which fails with ENOMEM when they find no room; else nullptr, and it is done. `files` are
    /// looked at if moves_files().
    Result<OperationPtr> migrate_task(TaskId id, CgroupId group,
                                      std::vector<FileRegion> files = {});
    /// The same of one thread of a process, that `threads` are the ids of: the others stay where
    /// they are. Memory is with the first thread, whose id is the process's (mm_struct::owner).
    Result<OperationPtr> migrate_thread(TaskId process, std::int32_t tid,
                                        std::span<const std::int32_t> threads, CgroupId group,
                                        std::vector<FileRegion> files = {});
    /// Stands for a set of one group per hierarchy; 0 is the roots. Kept by MoveEffect's tag.
    std::uint32_t css_set_of(const Membership& groups);
    /// Whether a task may be made in the v2 group (CLONE_INTO_CGROUP; cgroup_css_set_fork, 6.1), by
    /// someone who may: errors as of attach_task().
    Result<void> may_fork_into(CgroupId group) const;
    /// The groups a css_set stands for; groups that have gone are replaced by the roots.
    Membership css_set(std::uint32_t number) const;

    // Memory of tasks (fault.cc). Offsets and lengths in pages.
    /// A region of its own for `task`. Nothing is charged until it is touched. It ends with the
    /// last task that maps it; one of kind kFile, or made for no task, stays until it is
    /// destroyed, and any task may use it. `size` shows in the OOM report, and huge pages need it.
    MappingId create_mapping(TaskId task, PageKind kind, Pages size = Pages{0});
    /// Another task maps the same pages. Ignored if it already does.
    void map_mapping(TaskId task, MappingId mapping);
    /// The task gives its mapping up; private pages are freed, cache and shmem stay if `keep`.
    void unmap_mapping(TaskId task, MappingId mapping, bool keep);
    /// Frees all pages (unlink, IPC_RMID, truncate).
    void destroy_mapping(MappingId mapping);
    /// Frees those of the range, and forgets what was there (ftruncate(2), FALLOC_FL_PUNCH_HOLE).
    void free_pages(MappingId mapping, Range range);
    /// Page faults over a range, one page after another. Ends with ENOMEM if a charge failed and
    /// the task is not killed, EINTR if it is dying or unknown, EINVAL if there is no such mapping
    /// or the range ends beyond 2^64 bytes, EBUSY while another operation of the task goes on.
    /// Result: pages newly charged. What can be done without a wait may be done before the first
    /// step.
    OperationPtr touch(TaskId task, MappingId mapping, Range range, Access access);
    /// The fault of one page, if nothing about it waits: pages newly charged, 0 or 1. nullopt, and
    /// nothing done, if only touch() can tell. Spares the operation where faults come one by one.
    std::optional<std::uint64_t> touch_at_once(TaskId task, MappingId mapping, std::uint64_t page,
                                               Access access);
    /// read(2) or write(2) through the page cache, `syscall_pages` at a time: a task over
    /// memory.high is slowed down between system calls, and within a long one. Waits for other
    /// operations of the task: its threads do this side by side.
    OperationPtr file_io(TaskId task, MappingId mapping, Range range, Access access,
                         std::uint64_t syscall_pages = 16);
    /// mlock: the mapping's resident and future pages are unevictable.
    void lock_mapping(MappingId mapping);
    /// munlock: they are not any more.
    void unlock_mapping(MappingId mapping);
    /// madvise(2) of a whole private mapping of known size. Of effect on pages to come.
    void advise_huge(MappingId mapping, HugeAdvice advice);
    /// The mapping holds code: its pages are activated by their first use.
    void set_executable(MappingId mapping);
    /// fsync: writes what is dirty and waits for the disk. Result: pages written.
    OperationPtr sync_mapping(MappingId mapping);
    /// sync(2): the same for every file that is dirty now. Result: pages written.
    OperationPtr sync_files();
    /// POSIX_FADV_DONTNEED: clean, unmapped cache goes; starts writing the rest. Pages dropped.
    std::uint64_t drop_mapping(MappingId mapping);
    /// madvise(2) over a range that the task maps. EINVAL: locked, or MADV_FREE of shared pages.
    /// Result: pages acted on (freed, for kPageout).
    OperationPtr advise(TaskId task, MappingId mapping, Range range, Advice advice);
    /// MADV_PAGEOUT on every region of the task.
    OperationPtr pageout(TaskId task);

    /// What the task maps that is in memory, whoever pays for it.
    Pages resident(TaskId task) const;
    /// Pages of the mapping that are in swap.
    Pages swapped(MappingId mapping) const;
    /// The first pages in a row that are in swap and end behind page `from`, which may be among
    /// them. Nothing: there are none, or no such mapping.
    std::optional<Range> swapped_run(MappingId mapping, std::uint64_t from) const;

    // Kernel memory (kernel_memory.cc).
    /// Charged to the group of `task` until it is freed, whatever becomes of both. Result: the
    /// value of a KernelObjectId. ENOMEM as the class has it.
    OperationPtr allocate_kernel_memory(TaskId task, Pages pages, ChargeClass klass);
    /// The same for a group, from an interrupt or a kernel thread (set_active_memcg).
    OperationPtr allocate_kernel_memory(Memcg& memcg, Pages pages, ChargeClass klass,
                                        KernelMemory purpose = KernelMemory::kSlab);
    /// Ignores what has been freed before.
    void free_kernel_memory(KernelObjectId object);
    /// So many small objects, charged by their bytes to the group of `task` (slab.cc). Timers end
    /// with the task, dentries when reclaim takes them. ENOMEM, for timers EAGAIN: there is no room
    /// and nobody to kill. Nothing is charged in the root group.
    OperationPtr allocate_slab(TaskId task, SlabKind kind, std::uint64_t objects);
    struct Caches {
        bool pages = false;     ///< clean page cache that nobody maps; the rest is deactivated
        bool dentries = false;  ///< after that
    };
    /// A write to /proc/sys/vm/drop_caches, of the whole machine (fs/drop_caches.c, 6.1). Never
    /// fails. Result: pages of page cache dropped.
    OperationPtr drop_caches(Caches which);

    // Swap devices (swap_device.cc), numbered from 0 in the order in which they were added.
    /// swapon(2): the device's number. A priority below 0 stands for the kernel's choice, which is
    /// below all others. EINVAL: no pages. EPERM: too many devices. EBUSY: its path is one of a
    /// device that is on.
    Result<std::uint32_t> swapon(const SwapDevice& device);
    /// swapoff(2) by a task: brings every page back, charging those of removed groups to the
    /// task's. EINVAL: no such device. ENOMEM: a charge failed; the device stays, with what is
    /// left on it. EINTR. Result: pages brought back.
    OperationPtr swapoff(TaskId task, std::uint32_t device);

    // Limits and knobs of a group (limit.cc). The value returned by an operation is 0.
    /// v1 limit_in_bytes and memsw.limit_in_bytes: EINVAL (order, root), EBUSY, EINTR.
    OperationPtr set_limit(Memcg& memcg, CounterKind kind, Pages max);
    /// v2 memory.max: stored first, then reclaim, then OOM; never fails. `writer`, if it is known,
    /// is who the OOM report is about.
    OperationPtr set_memory_max(Memcg& memcg, Pages max, TaskId writer = {});
    /// memory.high: stored first, then reclaim; never fails.
    OperationPtr set_memory_high(Memcg& memcg, Pages high);
    /// memory.reclaim: EAGAIN, EINTR.
    OperationPtr reclaim_pages(Memcg& memcg, Pages pages, std::optional<std::uint64_t> swappiness);
    /// v1 force_empty: EINTR; succeeds with memory left, or that of the parent (to 3.18).
    OperationPtr force_empty(Memcg& memcg);
    void set_min(Memcg& memcg, Pages min);
    void set_low(Memcg& memcg, Pages low);
    void set_oom_kill_disable(Memcg& memcg, bool disable);
    /// v1 root writes through to vm.swappiness.
    void set_swappiness(Memcg& memcg, std::uint64_t swappiness);
    PageCounter& counter(Memcg& memcg, CounterKind kind) const;
    /// What usage_in_bytes and memory.current show; the v1 root's is made from the statistics.
    Pages usage(const Memcg& memcg, CounterKind kind) const;
    /// From now on the first change of the group's counters, of the limits and statistics that its
    /// files show, or its end, is one ContentChangedEffect. Groups without memcg: nothing.
    void watch_content(Cgroup& group);
    /// Least limit over the group and its ancestors.
    Pages hierarchical_limit(const Memcg& memcg, CounterKind kind) const;
    /// The statistics of the group and below are being read: from now on reclaim, too, sees them as
    /// they are. flush_stats() for memory's own files, flush_subtree() for cpu.stat.
    void flush_stats(Memcg& memcg);
    void flush_subtree(Memcg& memcg);

    // The machine itself (machine.cc). Writes are those of the sysctls in /proc/sys/vm.
    MachineStat machine_stat() const;
    /// EINVAL: negative, or more than an int. Stays through hotplug unless more is computed then.
    Result<void> set_min_free_kbytes(std::int64_t kbytes);
    /// EINVAL: not 1 to 3000 (1000 before 5.18) ten-thousandths.
    Result<void> set_watermark_scale_factor(std::int64_t factor);
    /// One for each zone from the lowest on; those left out stay. Less than 1: no reserve.
    void set_lowmem_reserve_ratio(std::span<const std::int32_t> ratios);
    /// One for each zone from the lowest on; 0: no reserve.
    std::span<const std::uint32_t> lowmem_reserve_ratio() const;
    std::uint64_t vm_swappiness() const;
    /// vm.swappiness, which is the root's memory.swappiness too.
    void set_vm_swappiness(std::uint64_t swappiness);
    /// vm.panic_on_oom: 0, 1 or, also when a group's limit is hit, 2.
    std::uint32_t vm_panic_on_oom() const;
    void set_vm_panic_on_oom(std::uint32_t value);
    /// vm.oom_kill_allocating_task: not 0: when the machine is full, who asks is killed.
    std::int32_t vm_oom_kill_allocating_task() const;
    void set_vm_oom_kill_allocating_task(std::int32_t value);
    /// What /proc/PID/oom_score shows: 0 to 2000, from the process's memory and its adjustment
    /// (proc_oom_score, fs/proc/base.c, 6.1). A process that is not known has no memory.
    std::uint64_t oom_score(std::int32_t pid, std::int32_t oom_score_adj) const;

    /// set_mempolicy(2). EINVAL: a policy without nodes, or with one that the machine lacks; ESRCH.
    Result<void> set_mempolicy(TaskId task, MemPolicy policy);
    /// migrate_pages(2), and cpuset.memory_migrate: the task's own pages on the nodes `from` go to
    /// the nodes `to`, first to first and so on. Result: pages that stayed for want of room.
    /// EINVAL: a mask is empty or names a node that the machine lacks.
    OperationPtr migrate_pages(TaskId task, NodeMask from, NodeMask to);
    /// Takes a memory block (128 MiB) of the zone away; what is there moves or is reclaimed.
    /// EINVAL: the zone is smaller than that; EBUSY: there is nowhere to go; EINTR.
    OperationPtr offline_memory(NodeId node, ZoneType zone);
    /// Gives a block back. EINVAL: none of the zone is offline.
    Result<void> online_memory(NodeId node, ZoneType zone);

    // Alibaba background reclaim (wmark.cc).
    void set_wmark_ratio(Memcg& memcg, std::uint32_t ratio_percent);
    void set_wmark_scale_factor(Memcg& memcg, std::uint32_t scale_factor);

    // Event registrations (notify.cc).
    /// v1 cgroup.event_control: EventTickEffects with this id come from now on, the first perhaps
    /// at once (out of memory already). The last one comes when the group goes.
    EventId register_event(Memcg& memcg, const EventSpec& spec);
    /// The eventfd is closed: no more ticks, but for crossings that this call is the first to see.
    /// Ignores ids that have gone.
    void unregister_event(EventId id);
    /// True once an OOM has met vm.panic_on_oom: nothing is killed any more.
    bool panicked() const;
    /// A line of the kernel log that comes once only, at the first call (pr_warn_once).
    void warn_once(std::string_view line);

    // Pressure stall information of v2 groups (psi.cc, psi_triggers.cc).
    struct Pressure {
        PsiAverages averages;
        Nanos total{};
    };
    /// memory.pressure now; the root's is the system's. `which` is some or full.
    Pressure pressure(Cgroup& group, PsiState which);
    /// cgroup.pressure: turns the group's own accounting off or on. Off ends its triggers.
    void set_pressure(Cgroup& group, bool on);
    /// PsiTriggerEffects with the spec's cookie come from now on.
    PsiTriggerId add_psi_trigger(Cgroup& group, const PsiTriggerSpec& spec);
    /// Ignores ids that have gone.
    void remove_psi_trigger(PsiTriggerId id);

    /// Checks the invariants of every counter, list and event; aborts with the memcg's path on
    /// the first that does not hold. Slow: for tests and the simulator.
    void check_invariants() const;

    struct State;  ///< the parts' common ground; only for the engine's own files

private:
    friend struct EngineAccess;  // tests look inside
    Result<void> attach(TaskId id, CgroupId group, bool with_threads);
    Result<OperationPtr> migrate(TaskId id, CgroupId group, bool with_threads,
                                 std::vector<FileRegion> files);

    std::unique_ptr<State> state_;
};

}  // namespace memcgfs::engine
