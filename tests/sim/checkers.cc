// SPDX-License-Identifier: MIT
#include "sim/checkers.h"

#include <algorithm>

#include "memcgfs/base/text_buffer.h"

namespace memcgfs::test {

namespace {

using namespace engine;

template <class A, class B>
void same(std::string_view checker, const Memcg& memcg, std::string_view what, A is, B should) {
    if (static_cast<std::int64_t>(is) != static_cast<std::int64_t>(should)) {
        TextBuffer text;
        text.print("memcg {:#x} {}: is {}, should be {}", memcg.id().value, what, is, should);
        throw Violation(checker, text.view());
    }
}

void demand(bool holds, std::string_view checker, const Memcg& memcg, std::string_view what) {
    if (!holds) {
        TextBuffer text;
        text.print("memcg {:#x}: {}", memcg.id().value, what);
        throw Violation(checker, text.view());
    }
}

template <class Visit>
void each_memcg(const Scene& scene, Visit visit) {
    scene.state.memcgs.for_each([&](Memcg& memcg) { visit(memcg); });
}

Pages stock_of(const Scene& scene, const Memcg& memcg) {
    Pages sum{};
    for (const auto& stock : scene.state.stocks) {
        sum += stock.owner == &memcg ? stock.pages : Pages{0};
    }
    return sum;
}

/// memory.stat against the pages themselves.
void check_stat_pages(Scene& scene) {
    constexpr std::string_view kName = "stat_pages";
    each_memcg(scene, [&](const Memcg& memcg) {
        const Tally& tally = scene.tallies[&memcg];
        same(kName, memcg, "anon", memcg.stat(StatItem::kAnon), tally.anon);
        same(kName, memcg, "anon_thp", memcg.stat(StatItem::kAnonThp), tally.anon_thp);
        same(kName, memcg, "file", memcg.stat(StatItem::kFile), tally.file);
        same(kName, memcg, "shmem", memcg.stat(StatItem::kShmem), tally.shmem);
        same(kName, memcg, "file_mapped", memcg.stat(StatItem::kFileMapped), tally.mapped);
        same(kName, memcg, "swapcached", memcg.stat(StatItem::kSwapCached), tally.swap_cached);
        for (std::size_t list = 0; list < kLruListCount; list++) {
            const StatItem item = stat_of_list(static_cast<LruList>(list));
            same(kName, memcg, "list", memcg.stat(item), tally.lists[list]);
        }
    });
}

/// memory.current = own pages + stock + children (+ what the kernel keeps for itself).
void check_counters(Scene& scene) {
    each_memcg(scene, [&](const Memcg& memcg) {
        const Tally& tally = scene.tallies[&memcg];
        Pages sum{};
        if (!memcg.is_root()) {
            std::int64_t own = memcg.stat(StatItem::kKernel);
            for (const std::int64_t pages : tally.lists) {
                own += pages;
            }
            sum = Pages{static_cast<std::uint64_t>(own)} + stock_of(scene, memcg) +
                  memcg.in_flight;
        }
        for (const Memcg* child : memcg.children) {
            sum += child->memory.usage();
        }
        same("counters", memcg, "usage", memcg.memory.usage().count(), sum.count());
    });
}

/// Slots: the device's count, the groups' statistics and their counters agree.
void check_swap(Scene& scene) {
    constexpr std::string_view kName = "swap";
    std::int64_t slots = 0;
    each_memcg(scene, [&](const Memcg& memcg) {
        const Tally& tally = scene.tallies[&memcg];
        slots += tally.swapped + tally.swap_cached;
        const std::int64_t swap = memcg.stat(StatItem::kSwap);
        demand(swap >= tally.swapped, kName, memcg, "fewer slots than pages in swap");
        if (scene.state.memory_on_v1()) {
            same(kName, memcg, "swap", swap, tally.swapped);
        }
        if (memcg.is_root()) {
            return;
        }
        const std::int64_t total = memcg.stat_total(StatItem::kSwap);
        if (scene.state.memory_on_v1()) {
            const Pages swapped = memcg.memsw.usage() - memcg.memory.usage();
            same(kName, memcg, "memsw - memory", swapped.count(), total);
        } else {
            same(kName, memcg, "swap.current", memcg.swap.usage().count(), total);
        }
    });
    const Memcg& root = *scene.state.root_memcg;
    same(kName, root, "slots of the device", scene.state.swap_used.count(), slots);
    if (!scene.state.memory_on_v1()) {
        same(kName, root, "slots of all groups", root.stat_total(StatItem::kSwap), slots);
    }
    demand(scene.state.swap_used <= scene.state.machine().swap, kName, root, "more than there is");
}

/// Totals are sums over the subtree; what counts events may keep more, from groups that are gone.
void check_hierarchy(Scene& scene) {
    each_memcg(scene, [&](const Memcg& memcg) {
        for (std::size_t i = 0; i < kStatItemCount; i++) {
            const auto item = static_cast<StatItem>(i);
            std::int64_t sum = memcg.stat(item);
            for (const Memcg* child : memcg.children) {
                sum += child->stat_total(item);
            }
            const std::int64_t total = memcg.stat_total(item);
            demand(counts_now(item) ? total == sum : total >= sum, "hierarchy", memcg,
                   "a statistic's total is not its subtree's sum");
            demand(memcg.stat(item) >= 0, "hierarchy", memcg, "a statistic is negative");
        }
    });
}

/// Usage above a limit only after the limit came down, or where charges are forced.
void check_limits(Scene& scene) {
    const bool forced = scene.state.profile().dying_task_bypasses_limit;
    each_memcg(scene, [&](const Memcg& memcg) {
        const auto before = scene.before.find(memcg.id());
        if (memcg.is_root() || before == scene.before.end()) {
            return;
        }
        const Remembered& was = before->second;
        // Reclaim compresses what it takes, and the result is charged whatever the limit.
        const std::int64_t grown = memcg.stat_total(StatItem::kKernel) - was.kernel;
        const bool zswap = scene.state.machine().zswap.enabled && grown > 0;
        const Pages compressed{zswap ? static_cast<std::uint64_t>(grown) : 0};
        const auto within = [&](const PageCounter& counter, Pages usage, Pages max) {
            return counter.usage() <= counter.max() || forced ||
                   counter.usage() <= std::max(usage, max) + compressed;
        };
        demand(within(memcg.memory, was.usage, was.max), "limits", memcg, "grew above max");
        demand(within(memcg.memsw, was.memsw, was.memsw_max), "limits", memcg,
               "grew above memsw max");
    });
}

void check_peaks(Scene& scene) {
    each_memcg(scene, [&](const Memcg& memcg) {
        for (const PageCounter* counter : {&memcg.memory, &memcg.swap}) {
            demand(counter->watermark() >= counter->usage(), "peaks", memcg, "peak below usage");
        }
    });
}

/// Events and statistics of the "ever" kind never fall; the local ones are part of the total.
void check_monotone(Scene& scene) {
    constexpr std::string_view kName = "monotone";
    each_memcg(scene, [&](const Memcg& memcg) {
        const auto before = scene.before.find(memcg.id());
        for (std::size_t i = 0; i < kMemcgEventCount; i++) {
            const auto event = static_cast<MemcgEvent>(i);
            demand(memcg.is_root() || memcg.event_local(event) <= memcg.event(event), kName, memcg,
                   "more local events than there were");
            demand(before == scene.before.end() ||
                       (memcg.event_local(event) >= before->second.local[i] &&
                        memcg.event(event) >= before->second.total[i]),
                   kName, memcg, "an event has been taken back");
        }
        for (std::size_t i = 0; i < kStatItemCount; i++) {
            const auto item = static_cast<StatItem>(i);
            demand(before == scene.before.end() || counts_now(item) ||
                       memcg.stat(item) >= before->second.stat[i],
                   kName, memcg, "a statistic has been taken back");
        }
    });
}

/// What children use under their protections, as the parent's counter has it.
void check_protection(Scene& scene) {
    each_memcg(scene, [&](const Memcg& memcg) {
        Pages min{};
        Pages low{};
        for (const Memcg* child : memcg.children) {
            min += std::min(child->memory.usage(), child->memory.min());
            low += std::min(child->memory.usage(), child->memory.low());
        }
        same("protection", memcg, "min", memcg.memory.children_min_usage().count(), min.count());
        same("protection", memcg, "low", memcg.memory.children_low_usage().count(), low.count());
    });
}

/// A removed group is there for as long as something is charged to it or holds it, not longer.
void check_dying(Scene& scene) {
    constexpr std::string_view kName = "dying";
    std::size_t offline = 0;
    each_memcg(scene, [&](const Memcg& memcg) {
        if (memcg.online) {
            const Cgroup* group = scene.state.cgroups.find(memcg.cgroup);
            demand(group != nullptr && group->memcg == &memcg, kName, memcg, "has lost its group");
            return;
        }
        offline++;
        demand(memcg.pins != 0 || !memcg.children.empty() || memcg.memory.usage() > Pages{0} ||
                   memcg.stat(StatItem::kSwap) != 0,
               kName, memcg, "holds nothing and has not been freed");
        demand(stock_of(scene, memcg) <= memcg.memory.usage(), kName, memcg, "stock");
    });
    demand(offline == scene.state.dying.size(), kName, *scene.state.root_memcg,
           "the list of the dying");
}

void check_stocks(Scene& scene) {
    for (const auto& stock : scene.state.stocks) {
        bool known = stock.owner == nullptr;
        each_memcg(scene, [&](const Memcg& memcg) { known = known || &memcg == stock.owner; });
        const Memcg& root = *scene.state.root_memcg;
        demand(known, "stocks", root, "a stock belongs to a group that has been freed");
        demand(stock.pages <= scene.state.profile().charge_batch, "stocks", root, "too large");
    }
}

}  // namespace

namespace checks {
// checkers_groups.cc
void populated(Scene& scene);
void members(Scene& scene);
void mappings(Scene& scene);
void dying_tasks(Scene& scene);
void waiters(Scene& scene);
void workers(Scene& scene);
void content(Scene& scene);
}  // namespace checks

std::span<const Checker> checkers() {
    static constexpr std::array kCheckers{
        Checker{"stat_pages", check_stat_pages, true},
        Checker{"counters", check_counters, true},
        Checker{"swap", check_swap, true},
        Checker{"mappings", checks::mappings, true},
        Checker{"hierarchy", check_hierarchy},
        Checker{"limits", check_limits},
        Checker{"peaks", check_peaks},
        Checker{"monotone", check_monotone},
        Checker{"protection", check_protection},
        Checker{"dying", check_dying},
        Checker{"stocks", check_stocks},
        Checker{"populated", checks::populated},
        Checker{"members", checks::members},
        Checker{"dying_tasks", checks::dying_tasks},
        Checker{"waiters", checks::waiters},
        Checker{"workers", checks::workers},
        Checker{"content", checks::content},
    };
    return kCheckers;
}

namespace {

void count_extent(Tally& tally, const Extent& extent) {
    const auto pages = static_cast<std::int64_t>(extent.count);
    if (extent.state.where == PageState::Where::kSwapped) {
        tally.swapped += pages;
        return;
    }
    if (extent.state.where == PageState::Where::kPart) {
        tally.anon += pages;
        return;
    }
    const PageKind kind = extent.mapping->kind();
    const std::int64_t attached = extent.state.detached || extent.state.torn ? 0 : pages;
    (kind == PageKind::kAnon ? tally.anon : tally.file) += attached;
    tally.anon_thp += extent.state.huge ? attached : 0;
    tally.shmem += kind == PageKind::kShmem ? attached : 0;
    tally.mapped += extent.state.mapped && kind != PageKind::kAnon ? pages : 0;
    tally.swap_cached += extent.state.swap_slot ? pages : 0;
    tally.lists[static_cast<std::size_t>(extent.state.list)] += pages;
}

Remembered remember(const Engine& engine, const Memcg& memcg) {
    Remembered now;
    now.shown = shown_by(engine, memcg);
    now.usage = memcg.memory.usage();
    now.max = memcg.memory.max();
    now.memsw = memcg.memsw.usage();
    now.memsw_max = memcg.memsw.max();
    now.kernel = memcg.stat_total(StatItem::kKernel);
    for (std::size_t i = 0; i < kMemcgEventCount; i++) {
        now.local[i] = memcg.event_local(static_cast<MemcgEvent>(i));
        now.total[i] = memcg.event(static_cast<MemcgEvent>(i));
    }
    for (std::size_t i = 0; i < kStatItemCount; i++) {
        now.stat[i] = memcg.stat(static_cast<StatItem>(i));
    }
    return now;
}

}  // namespace

Scene Checkers::scene(bool slow_too) {
    Scene scene{engine_, EngineAccess::state(engine_), live_, {}, before_};
    if (slow_too) {
        scene.state.mappings.for_each([&](Mapping& mapping) {
            std::uint64_t index = 0;
            while (const Extent* extent = mapping.next(index)) {
                index = extent->end();
                count_extent(scene.tallies[extent->memcg], *extent);
            }
        });
    }
    return scene;
}

void Checkers::run(bool slow_too) {
    Scene now = scene(slow_too);
    for (const Checker& checker : checkers()) {
        if (slow_too || !checker.slow) {
            checker.check(now);
        }
    }
    before_.clear();
    now.state.memcgs.for_each([&](Memcg& memcg) {
        before_.emplace(memcg.id(), remember(engine_, memcg));
        if (Cgroup* group = now.state.cgroups.find(memcg.cgroup)) {
            engine_.watch_content(*group);
        }
    });
}

void Checkers::run_one(std::string_view name) {
    Scene now = scene(true);
    const auto all = checkers();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Checker& checker) { return checker.name == name; });
    MEMCGFS_ASSERT(found != all.end());
    found->check(now);
}

}  // namespace memcgfs::test
