// SPDX-License-Identifier: MIT
//
// v2 files of the memory controller (memory_files, swap_files, zswap_files, mm/memcontrol.c;
// spec files.md A6, A7).
#include <array>
#include <limits>

#include "interface/limit_files.h"
#include "interface/services.h"
#include "interface/stat_lines.h"
#include "interface/tables.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::CounterKind;
using engine::KernelVersion;
using engine::MemcgEvent;

constexpr KernelVersion kRootStat{5, 8};

template <CounterKind kKind>
Result<void> show_peak(const ShowContext& context, TextBuffer& out) {
    print_bytes(out, context.services.peaks.peak(context.engine, context.memcg(), kKind,
                                                 context.state->get()));
    return {};
}

template <CounterKind kKind>
Result<vfs::StoreOutcome> restart_peak(StoreContext& context, std::string_view) {
    context.services.peaks.restart(context.engine, context.memcg(), kKind, *context.state);
    return done();
}

Result<void> show_max(const ShowContext& context, TextBuffer& out) {
    print_limit(out, context.memcg().memory.max());
    return {};
}

Result<vfs::StoreOutcome> store_max(StoreContext& context, std::string_view text) {
    const Pages max = MEMCGFS_TRY(parse_pages(text, kV2MaxWord));
    const engine::Task* writer = context.engine.find_task_by_pid(context.caller.pid);
    return go_on(context.engine.set_memory_max(context.memcg(), max,
                                               writer != nullptr ? writer->id : engine::TaskId{}));
}

/// A line of an events file.
struct EventLine {
    std::string_view name;
    MemcgEvent event{};
    KernelVersion since = kSinceEver;
};

constexpr std::array kEventLines = {
    EventLine{"low", MemcgEvent::kLow},
    EventLine{"high", MemcgEvent::kHigh},
    EventLine{"max", MemcgEvent::kMax},
    EventLine{"oom", MemcgEvent::kOom},
    EventLine{"oom_kill", MemcgEvent::kOomKill},
    EventLine{"oom_group_kill", MemcgEvent::kOomGroupKill, {5, 17}},
};

constexpr std::array kSwapEventLines = {
    EventLine{"high", MemcgEvent::kSwapHigh, {5, 8}},
    EventLine{"max", MemcgEvent::kSwapMax},
    EventLine{"fail", MemcgEvent::kSwapFail},
};

template <class Lines, class Count>
void show_event_lines(const ShowContext& context, TextBuffer& out, const Lines& lines,
                      Count count) {
    for (const EventLine& line : lines) {
        if (context.profile().version >= line.since) {
            out.print("{} {}\n", line.name, count(line.event));
        }
    }
}

Result<void> show_events(const ShowContext& context, TextBuffer& out) {
    show_event_lines(context, out, kEventLines,
                     [&](MemcgEvent event) { return context.memcg().event(event); });
    return {};
}

Result<void> show_events_local(const ShowContext& context, TextBuffer& out) {
    show_event_lines(context, out, kEventLines,
                     [&](MemcgEvent event) { return context.memcg().event_local(event); });
    return {};
}

Result<void> show_swap_events(const ShowContext& context, TextBuffer& out) {
    show_event_lines(context, out, kSwapEventLines,
                     [&](MemcgEvent event) { return context.memcg().event(event); });
    return {};
}

/// 0 or 1; EINVAL for other integers.
Result<bool> parse_switch(std::string_view text) {
    const std::int32_t value = MEMCGFS_TRY(parse_i32(text));
    if (value < 0 || value > 1) {
        return Err(Errno::kEINVAL);
    }
    return value == 1;
}

Result<void> show_oom_group(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.memcg().oom_group);
    return {};
}

Result<vfs::StoreOutcome> store_oom_group(StoreContext& context, std::string_view text) {
    context.memcg().oom_group = MEMCGFS_TRY(parse_switch(text));
    return done();
}

/// "swappiness=N" and nothing else.
Result<std::uint64_t> parse_reclaim_option(std::string_view option, std::uint64_t max) {
    constexpr std::string_view kKey = "swappiness=";
    if (!option.starts_with(kKey)) {
        return Err(Errno::kEINVAL);
    }
    option.remove_prefix(kKey.size());
    const NumberPrefix number = parse_digits(option);
    if (number.length == 0 || number.length != option.size() || number.value > max) {
        return Err(Errno::kEINVAL);
    }
    return number.value;
}

struct ReclaimRequest {
    Pages pages{};
    std::optional<std::uint64_t> swappiness = std::nullopt;
};

/// 6.9 and later: a number that must not be empty, then options.
Result<ReclaimRequest> parse_reclaim_with_options(std::string_view text,
                                                  const engine::Profile& profile) {
    text = strip(text);
    const NumberPrefix number = memparse(text);
    if (number.length == 0) {
        return Err(Errno::kEINVAL);
    }
    ReclaimRequest request{.pages = Pages{number.value / kPageSize}, .swappiness = {}};
    text = strip(text.substr(number.length));
    while (!text.empty()) {
        const std::size_t space = text.find(' ');
        const std::string_view option = text.substr(0, space);
        if (!option.empty()) {
            request.swappiness = MEMCGFS_TRY(parse_reclaim_option(option, profile.swappiness_max));
        }
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    return request;
}

Result<ReclaimRequest> parse_reclaim(std::string_view text, const engine::Profile& profile) {
    if (profile.proactive_swappiness) {
        return parse_reclaim_with_options(text, profile);
    }
    if (strip(text).empty() && !profile.proactive_empty_is_all) {
        return Err(Errno::kEINVAL);
    }
    return ReclaimRequest{.pages = MEMCGFS_TRY(parse_pages(text, "")), .swappiness = {}};
}

Result<vfs::StoreOutcome> store_reclaim(StoreContext& context, std::string_view text) {
    const ReclaimRequest request = MEMCGFS_TRY(parse_reclaim(text, context.profile()));
    if (request.pages == Pages{0}) {
        return done();
    }
    return go_on(context.engine.reclaim_pages(context.memcg(), request.pages, request.swappiness));
}

Result<void> show_swap_high(const ShowContext& context, TextBuffer& out) {
    print_limit(out, counter_of<CounterKind::kSwap>(context).high());
    return {};
}

Result<vfs::StoreOutcome> store_swap_high(StoreContext& context, std::string_view text) {
    const Pages high = MEMCGFS_TRY(parse_pages(text, kV2MaxWord));
    counter_of<CounterKind::kSwap>(context).set_high(high);
    return done();
}

Result<void> show_swap_max(const ShowContext& context, TextBuffer& out) {
    print_limit(out, counter_of<CounterKind::kSwap>(context).max());
    return {};
}

Result<vfs::StoreOutcome> store_swap_max(StoreContext& context, std::string_view text) {
    const Pages max = MEMCGFS_TRY(parse_pages(text, kV2MaxWord));
    counter_of<CounterKind::kSwap>(context).set_max(max);
    return done();
}

Result<void> show_zswap_current(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.memcg().stat_total(engine::StatItem::kZswap));
    return {};
}

Result<void> show_zswap_max(const ShowContext& context, TextBuffer& out) {
    print_limit(out, context.memcg().zswap_max);
    return {};
}

Result<vfs::StoreOutcome> store_zswap_max(StoreContext& context, std::string_view text) {
    context.memcg().zswap_max = MEMCGFS_TRY(parse_pages(text, kV2MaxWord));
    return done();
}

Result<void> show_zswap_writeback(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.memcg().zswap_writeback);
    return {};
}

Result<vfs::StoreOutcome> store_zswap_writeback(StoreContext& context, std::string_view text) {
    context.memcg().zswap_writeback = MEMCGFS_TRY(parse_switch(text));
    return done();
}

constexpr std::array kFiles = {
    Cftype{.name = "memory.current",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_usage<CounterKind::kMemory>,
           .told = true,
           .doc = "Memory in use, this group and below, in bytes."},
    Cftype{.name = "memory.peak",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {5, 19},
           .until = {6, 12},
           .show = show_peak<CounterKind::kMemory>,
           .doc = "The highest usage so far."},
    Cftype{.name = "memory.peak",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {6, 12},
           .show = show_peak<CounterKind::kMemory>,
           .store = restart_peak<CounterKind::kMemory>,
           .doc = "The highest usage so far; a write restarts it for this open file."},
    Cftype{.name = "memory.min",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {4, 18},
           .show = show_min,
           .store = store_min,
           .doc = "Memory that is never reclaimed."},
    Cftype{.name = "memory.low",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_low,
           .store = store_low,
           .doc = "Memory that is reclaimed only when nothing else is left."},
    Cftype{.name = "memory.high",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_high,
           .store = store_high,
           .doc = "Above it, processes reclaim and are slowed down."},
    Cftype{.name = "memory.max",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_max,
           .store = store_max,
           .doc = "The hard limit. A value below the usage reclaims, then kills."},
    Cftype{.name = "memory.events",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_events,
           .announced_as = engine::NotifyFile::kMemoryEvents,
           .doc = "How often limits were met, this group and below; a change is announced."},
    Cftype{.name = "memory.events.local",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {5, 2},
           .show = show_events_local,
           .announced_as = engine::NotifyFile::kMemoryEventsLocal,
           .doc = "The same for this group alone."},
    Cftype{.name = "memory.stat",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .until = kRootStat,
           .show = show_v2_stat,
           .told = true,
           .doc = "What the memory is used for, and what happened to it."},
    Cftype{.name = "memory.stat",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .since = kRootStat,
           .show = show_v2_stat,
           .doc = "What the memory is used for, and what happened to it."},
    Cftype{.name = "memory.numa_stat",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .since = {5, 10},
           .show = show_v2_numa_stat,
           .told = true,
           .doc = "The same on each node; there is one node."},
    Cftype{.name = "memory.oom.group",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {4, 19},
           .delegatable = true,
           .show = show_oom_group,
           .store = store_oom_group,
           .doc = "1: the OOM killer kills the whole group."},
    Cftype{.name = "memory.reclaim",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .since = {5, 19},
           .delegatable = true,
           .store = store_reclaim,
           .doc = "Reclaims as many bytes as are written; EAGAIN if it cannot."},
    Cftype{.name = "memory.swap.current",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_usage<CounterKind::kSwap>,
           .told = true,
           .doc = "Swap in use."},
    Cftype{.name = "memory.swap.high",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {5, 8},
           .show = show_swap_high,
           .store = store_swap_high,
           .doc = "Above it, processes are slowed down."},
    Cftype{.name = "memory.swap.max",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .show = show_swap_max,
           .store = store_swap_max,
           .doc = "The hard limit of swap."},
    Cftype{.name = "memory.swap.peak",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {6, 5},
           .until = {6, 12},
           .show = show_peak<CounterKind::kSwap>,
           .doc = "The highest use of swap so far."},
    Cftype{.name = "memory.swap.peak",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {6, 12},
           .show = show_peak<CounterKind::kSwap>,
           .store = restart_peak<CounterKind::kSwap>,
           .doc = "The highest use of swap so far; a write restarts it for this open file."},
    Cftype{.name = "memory.swap.events",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {4, 18},
           .show = show_swap_events,
           .announced_as = engine::NotifyFile::kMemorySwapEvents,
           .doc = "How often swap limits were met; a change is announced."},
    Cftype{.name = "memory.zswap.current",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {5, 19},
           .show = show_zswap_current,
           .told = true,
           .doc = "Compressed swap in memory, in bytes; none unless the machine has zswap on."},
    Cftype{.name = "memory.zswap.max",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = {5, 19},
           .show = show_zswap_max,
           .store = store_zswap_max,
           .doc = "The limit of compressed swap."},
    Cftype{.name = "memory.zswap.writeback",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .since = {6, 8},
           .show = show_zswap_writeback,
           .store = store_zswap_writeback,
           .doc = "Whether compressed swap may move on to the swap device."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v2_memory_files() { return kFiles; }

}  // namespace memcgfs::interface
