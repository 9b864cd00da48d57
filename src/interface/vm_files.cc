// SPDX-License-Identifier: MIT
//
// /proc/sys/vm (kernel/sysctl.c, mm/page_alloc.c, mm/page-writeback.c, fs/drop_caches.c; 6.1 and
// 6.12). What a kernel takes is recorded in tests/unit/interface/recorded/proc-grammar-*.
#include <array>
#include <limits>

#include "interface/proc_services.h"
#include "interface/proc_tables.h"
#include "interface/services.h"
#include "interface/sysctl.h"

namespace memcgfs::interface {
namespace {

using engine::KernelVersion;

Result<vfs::StoreOutcome> taken(std::size_t unread_bytes) {
    return vfs::StoreOutcome{.operation = nullptr, .unread_bytes = unread_bytes};
}

// Values that nothing follows from.

struct Kept {
    std::int64_t initial = 0;
    SysctlRange range;
};

template <Kept kValue>
Result<void> show_kept(const ProcContext& context, TextBuffer& out) {
    ProcServices& services = context.services;
    const MutexLock lock(services.engine_mutex);
    out.print("{}\n", static_cast<std::int64_t>(services.kept.get(
                          context.file.path, static_cast<std::uint64_t>(kValue.initial))));
    return {};
}

template <Kept kValue>
Result<vfs::StoreOutcome> store_kept(const ProcContext& context, std::string_view text) {
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, kValue.range));
    ProcServices& services = context.services;
    const MutexLock lock(services.engine_mutex);
    services.kept.set(context.file.path, number.value);
    return taken(number.unread_bytes);
}

template <Kept kValue>
constexpr ProcFile kept(std::string_view path, std::string_view doc) {
    return {.path = path,
            .show = show_kept<kValue>,
            .store = store_kept<kValue>,
            .at_start_only = true,
            .fidelity = Fidelity::kStoredOnly,
            .doc = doc};
}

constexpr SysctlRange kAny{};
constexpr SysctlRange kNatural{.min = 0};
constexpr SysctlRange kPercent{.min = 0, .max = 100};

// Dirty pages: of a ratio and the bytes that go with it, the one written last counts.

constexpr std::string_view kDirtyRatio = "/proc/sys/vm/dirty_ratio";
constexpr std::string_view kDirtyBytes = "/proc/sys/vm/dirty_bytes";
constexpr std::string_view kBackgroundRatio = "/proc/sys/vm/dirty_background_ratio";
constexpr std::string_view kBackgroundBytes = "/proc/sys/vm/dirty_background_bytes";

struct DirtyLimit {
    std::string_view path;
    std::string_view other;
    std::uint64_t initial = 0;
    std::uint64_t min_bytes = 0;  ///< of those in bytes
};

constexpr std::array kDirtyLimits = {
    DirtyLimit{kDirtyRatio, kDirtyBytes, 20, 0},
    DirtyLimit{kDirtyBytes, kDirtyRatio, 0, 2 * kPageSize},
    DirtyLimit{kBackgroundRatio, kBackgroundBytes, 10, 0},
    DirtyLimit{kBackgroundBytes, kBackgroundRatio, 0, 1},
};

const DirtyLimit& dirty_limit(std::string_view path) {
    for (const DirtyLimit& limit : kDirtyLimits) {
        if (limit.path == path) {
            return limit;
        }
    }
    MEMCGFS_UNREACHABLE();
}

Result<void> show_dirty(const ProcContext& context, TextBuffer& out) {
    const DirtyLimit& limit = dirty_limit(context.file.path);
    const MutexLock lock(context.services.engine_mutex);
    out.print("{}\n", context.services.kept.get(limit.path, limit.initial));
    return {};
}

/// The kernel's arithmetic, which wraps: of 2^64-1 bytes there are no pages.
bool too_many_pages(std::uint64_t bytes) {
    return (bytes + kPageSize - 1) / kPageSize > std::numeric_limits<std::uint32_t>::max();
}

Result<vfs::StoreOutcome> store_dirty(const ProcContext& context, std::string_view text) {
    const DirtyLimit& limit = dirty_limit(context.file.path);
    const SysctlValue number =
        MEMCGFS_TRY(limit.min_bytes == 0 ? parse_sysctl_int(text, kPercent)
                                         : parse_sysctl_unsigned(text, limit.min_bytes));
    if (limit.min_bytes != 0 && too_many_pages(number.value)) {
        return Err(Errno::kERANGE);
    }
    const MutexLock lock(context.services.engine_mutex);
    KeptValues& kept_values = context.services.kept;
    const bool changed = kept_values.get(limit.path, limit.initial) != number.value;
    kept_values.set(limit.path, number.value);
    if (changed || limit.path == kBackgroundRatio || limit.path == kBackgroundBytes) {
        kept_values.set(limit.other, 0);
    }
    return taken(number.unread_bytes);
}

constexpr ProcFile dirty(std::string_view path, std::string_view doc) {
    return {.path = path,
            .show = show_dirty,
            .store = store_dirty,
            .at_start_only = true,
            .fidelity = Fidelity::kStoredOnly,
            .doc = doc};
}

// What the engine has.

Result<void> show_min_free(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    out.print("{}\n", context.services.engine.machine_stat().min_free_kbytes);
    return {};
}

Result<vfs::StoreOutcome> store_min_free(const ProcContext& context, std::string_view text) {
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, kNatural));
    const MutexLock lock(context.services.engine_mutex);
    MEMCGFS_TRY(
        context.services.engine.set_min_free_kbytes(static_cast<std::int64_t>(number.value)));
    return taken(number.unread_bytes);
}

Result<void> show_watermark_scale(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    out.print("{}\n", context.services.engine.machine_stat().watermark_scale_factor);
    return {};
}

Result<vfs::StoreOutcome> store_watermark_scale(const ProcContext& context, std::string_view text) {
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, kAny));
    const MutexLock lock(context.services.engine_mutex);
    MEMCGFS_TRY(context.services.engine.set_watermark_scale_factor(
        static_cast<std::int64_t>(number.value)));
    return taken(number.unread_bytes);
}

Result<void> show_swappiness(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    out.print("{}\n", context.services.engine.vm_swappiness());
    return {};
}

Result<vfs::StoreOutcome> store_swappiness(const ProcContext& context, std::string_view text) {
    engine::Engine& engine = context.services.engine;
    const auto most = static_cast<std::int64_t>(engine.profile().swappiness_max);
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, {.min = 0, .max = most}));
    const MutexLock lock(context.services.engine_mutex);
    engine.set_vm_swappiness(number.value);
    return taken(number.unread_bytes);
}

Result<void> show_panic_on_oom(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    out.print("{}\n", context.services.engine.vm_panic_on_oom());
    return {};
}

Result<vfs::StoreOutcome> store_panic_on_oom(const ProcContext& context, std::string_view text) {
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, {.min = 0, .max = 2}));
    const MutexLock lock(context.services.engine_mutex);
    context.services.engine.set_vm_panic_on_oom(static_cast<std::uint32_t>(number.value));
    return taken(number.unread_bytes);
}

Result<void> show_oom_kill_allocating_task(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    out.print("{}\n", context.services.engine.vm_oom_kill_allocating_task());
    return {};
}

Result<vfs::StoreOutcome> store_oom_kill_allocating_task(const ProcContext& context,
                                                         std::string_view text) {
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, kAny));
    const MutexLock lock(context.services.engine_mutex);
    context.services.engine.set_vm_oom_kill_allocating_task(
        static_cast<std::int32_t>(number.value));
    return taken(number.unread_bytes);
}

// The engine has no device memory; its ratio is kept.
Result<void> show_lowmem_reserve(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    for (const std::uint32_t ratio : context.services.engine.lowmem_reserve_ratio()) {
        out.print("{}\t", ratio);
    }
    out.print("{}\n", context.services.kept.get(context.file.path, 0));
    return {};
}

/// Whatever is wrong, the numbers before it count (lowmem_reserve_ratio_sysctl_handler).
Result<vfs::StoreOutcome> store_lowmem_reserve(const ProcContext& context, std::string_view text) {
    constexpr std::size_t kZones = engine::kZoneTypeCount + 1;
    SysctlText parsed = parse_sysctl(text, kZones);
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
    std::vector<std::int32_t> ratios;
    for (const SysctlNumber& number : parsed.numbers) {
        if (number.magnitude > kMost + (number.negative ? 1 : 0)) {
            break;
        }
        ratios.push_back(number.negative ? 0 : static_cast<std::int32_t>(number.magnitude));
    }
    const MutexLock lock(context.services.engine_mutex);
    if (ratios.size() == kZones) {
        context.services.kept.set(context.file.path, static_cast<std::uint64_t>(ratios.back()));
        ratios.pop_back();
    }
    context.services.engine.set_lowmem_reserve_ratio(ratios);
    return taken(parsed.unread_bytes);
}

// DEVIATION(sysctl-open): the kernel's open fails, also root's.
Result<void> show_nothing(const ProcContext&, TextBuffer&) { return Err(Errno::kEACCES); }

Result<vfs::StoreOutcome> store_drop_caches(const ProcContext& context, std::string_view text) {
    const SysctlValue number = MEMCGFS_TRY(parse_sysctl_int(text, {.min = 1, .max = 4}));
    const MutexLock lock(context.services.engine_mutex);
    vfs::StoreOutcome outcome = MEMCGFS_TRY(go_on(context.services.engine.drop_caches(
        {.pages = (number.value & 1U) != 0, .dentries = (number.value & 2U) != 0})));
    outcome.unread_bytes = number.unread_bytes;
    return outcome;
}

constexpr auto kFiles = std::to_array<ProcFile>({
    dirty(kBackgroundBytes, "Bytes of dirty memory from which on writing starts."),
    dirty(kBackgroundRatio, "The same as a share of the memory, in percent."),
    dirty(kDirtyBytes, "Bytes of dirty memory at which writers wait."),
    kept<Kept{3000, kNatural}>("/proc/sys/vm/dirty_expire_centisecs",
                               "The age at which dirty pages are written."),
    dirty(kDirtyRatio, "The same as dirty_bytes as a share of the memory, in percent."),
    kept<Kept{500, kAny}>("/proc/sys/vm/dirty_writeback_centisecs",
                          "How often dirty pages are looked at."),
    {
        .path = "/proc/sys/vm/drop_caches",
        .show = show_nothing,
        .store = store_drop_caches,
        .at_start_only = true,
        .mode = 0200,
        .doc = "1: clean page cache goes, 2: dentries go, 3: both, 4: nothing goes.",
    },
    {
        .path = "/proc/sys/vm/lowmem_reserve_ratio",
        .show = show_lowmem_reserve,
        .store = store_lowmem_reserve,
        .at_start_only = true,
        .doc = "Which part of a zone allocations for higher zones leave, zone by zone; 0: all.",
    },
    {
        .path = "/proc/sys/vm/min_free_kbytes",
        .show = show_min_free,
        .store = store_min_free,
        .at_start_only = true,
        .doc = "What the zones' min marks add up to, in kB.",
    },
    {
        .path = "/proc/sys/vm/oom_kill_allocating_task",
        .show = show_oom_kill_allocating_task,
        .store = store_oom_kill_allocating_task,
        .at_start_only = true,
        .doc = "Not 0: when the machine is full, the task that asks is killed.",
    },
    kept<Kept{0, {.min = 0, .max = 2}}>("/proc/sys/vm/overcommit_memory",
                                        "How much address space is given away."),
    {
        .path = "/proc/sys/vm/panic_on_oom",
        .show = show_panic_on_oom,
        .store = store_panic_on_oom,
        .at_start_only = true,
        .doc = "Out of memory ends it all: 1 that of the machine, 2 that of a group too.",
    },
    kept<Kept{100, kNatural}>("/proc/sys/vm/vfs_cache_pressure",
                              "How much dentries are reclaimed against page cache."),
    {
        .path = "/proc/sys/vm/swappiness",
        .show = show_swappiness,
        .store = store_swappiness,
        .at_start_only = true,
        .doc = "The machine's swappiness; on v1 the root's memory.swappiness too.",
    },
    kept<Kept{15000, kNatural}>("/proc/sys/vm/watermark_boost_factor",
                                "How far the marks rise after fragmentation."),
    {
        .path = "/proc/sys/vm/watermark_scale_factor",
        .show = show_watermark_scale,
        .store = store_watermark_scale,
        .at_start_only = true,
        .doc = "How far the zones' marks are apart, in ten-thousandths of the memory.",
    },
    kept<Kept{0, kNatural}>("/proc/sys/vm/zone_reclaim_mode",
                            "Whether a node is reclaimed before another is asked."),
});

}  // namespace

std::span<const ProcFile> vm_proc_files() { return kFiles; }

}  // namespace memcgfs::interface
