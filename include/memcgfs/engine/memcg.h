// SPDX-License-Identifier: MIT
//
// One memory control group: counters, lists, numbers (struct mem_cgroup, 6.1 and 6.12).
//
// A memcg whose directory has been removed stays ("dying", online = false) until its last page,
// swap slot and pin are gone; it counts in its ancestors all the while. Engine lock held for
// everything here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "memcgfs/engine/content_watch.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/latency.h"
#include "memcgfs/engine/lruvec.h"
#include "memcgfs/engine/notify.h"
#include "memcgfs/engine/page_counter.h"
#include "memcgfs/engine/stat_items.h"
#include "memcgfs/engine/wmark.h"

namespace memcgfs::engine {

class Memcg {
public:
    Memcg(MemcgId id, Memcg* parent, CgroupId cgroup, NodeId nodes = 1);
    Memcg(const Memcg&) = delete;
    Memcg& operator=(const Memcg&) = delete;

    MemcgId id() const { return id_; }
    Memcg* parent() const { return parent_; }
    bool is_root() const { return parent_ == nullptr; }

    /// Creation order, dying groups included: the order of a reclaim walk.
    std::vector<Memcg*> children;
    Memcg* next_sibling = nullptr;  ///< the next of the parent's children
    CgroupId cgroup;                ///< none once removed
    bool online = true;
    /// Groups whose nr_dying_descendants counts this one; none when its group lives on without it.
    std::vector<CgroupId> dying_in;
    /// Operations that hold a pointer across steps. A pinned memcg is not freed.
    std::uint32_t pins = 0;

    PageCounter memory;
    PageCounter swap;           ///< v2
    PageCounter& memsw = swap;  ///< v1: no kernel has both at a time
    /// v1's counters of kernel memory, made when somebody asks.
    PageCounter& kmem();
    PageCounter& tcpmem();

    // Knobs of the interface files.
    Pages soft_limit = kPageCounterMax;
    Pages zswap_max = kPageCounterMax;
    bool zswap_writeback = true;
    bool oom_group = false;
    std::uint32_t oom_priority = 0;  ///< Alibaba's memory.priority, 0 to 12
    bool use_priority_oom = false;   ///< Alibaba's
    bool oom_kill_disable = false;
    bool use_hierarchy = true;
    bool tcp_accounted = false;  ///< v1: since kmem.tcp.limit_in_bytes has first been written
    std::uint64_t swappiness = 60;
    std::uint64_t move_charge_at_immigrate = 0;
    std::uint32_t under_oom = 0;
    Pages in_flight{};               ///< charged by operations that have yet to use it
    bool high_work_pending = false;  ///< memory.high's kernel thread is on its way
    bool oom_lock = false;           ///< part of a tree that has told its listeners of an OOM
    WmarkState wmark;
    NotifyState notify;
    LatencyHistogram direct_reclaim_latency;  ///< Alibaba's, this group and below
    LatencyHistogram direct_swapout_latency;

    /// The lists on one node (mem_cgroup_lruvec).
    Lruvec& lruvec(NodeId node);
    const Lruvec& lruvec(NodeId node) const;

    std::int64_t stat(StatItem item) const {
        return counts_ != nullptr ? counts_->stat[index(item)] : 0;
    }
    /// This group and everything below it, removed groups too.
    std::int64_t stat_total(StatItem item) const {
        return counts_ != nullptr ? counts_->stat_total[index(item)] : 0;
    }
    /// The part of stat_total() that is on one node, for items that belong to a node.
    std::int64_t node_stat_total(NodeId node, StatItem item) const;
    /// Adds here and to the totals of this group and all ancestors; not for items of a node.
    void add_stat(StatItem item, std::int64_t delta);
    /// The same for an item that belongs to a node.
    void add_node_stat(NodeId node, StatItem item, std::int64_t delta);
    /// The same for several items in one walk. Of a node's items: of the first node.
    template <StatItem... items>
    void add_first_node_stats(std::int64_t delta) {
        ((counts().stat[index(items)] += delta), ...);
        for (Memcg* level = this; level != nullptr; level = level->parent_) {
            ((level->counts_->stat_total[index(items)] += delta), ...);
            level->content_changed();
        }
    }

    std::uint64_t event(MemcgEvent event) const {
        return counts_ != nullptr ? counts_->events_total[index(event)] : 0;
    }
    std::uint64_t event_local(MemcgEvent event) const {
        return counts_ != nullptr ? counts_->events_local[index(event)] : 0;
    }

    /// Those of the statistics that reclaim reads as of their last flush (engine/stat_flush.h).
    static constexpr std::array kFlushedItems{
        StatItem::kInactiveAnon,           StatItem::kActiveAnon,
        StatItem::kInactiveFile,           StatItem::kActiveFile,
        StatItem::kWorkingsetActivateAnon, StatItem::kWorkingsetActivateFile};
    /// Keeps their totals as they are now, from before a change in this epoch of the engine.
    void keep_flushed(std::uint64_t epoch);
    /// What has been kept.
    std::int64_t flushed_stat(NodeId node, StatItem item) const;
    std::uint64_t flushed_in = 0;  ///< the epoch of what has been kept; 0: it is of no use

    /// Makes the watch that is told of all changes here, if there is none.
    ContentWatch& watch(EffectSink& effects);
    /// What the files show may have changed otherwise than by the counters and statistics.
    void content_changed() {
        if (watch_ != nullptr) {
            watch_->hit();
        }
    }

    /// True if this is `ancestor` or below it.
    bool is_descendant_of(const Memcg& ancestor) const;

private:
    friend class Engine;         // counts the events
    friend struct EngineAccess;  // tests look inside
    template <class Enum>
    static constexpr std::size_t index(Enum value) {
        return static_cast<std::size_t>(value);
    }

    /// What a machine of several nodes needs for those beyond the first. The first node's part
    /// of a total is what they leave of it.
    struct FurtherNode {
        Lruvec lruvec;
        std::array<std::int64_t, kNodeStatItemCount> stat_total{};
    };
    void add_everywhere(StatItem item, std::int64_t delta);

    /// More than half of a group's memory: made when there is something to count.
    struct Counts {
        std::array<std::int64_t, kStatItemCount> stat{};
        std::array<std::int64_t, kStatItemCount> stat_total{};
        std::array<std::uint64_t, kMemcgEventCount> events_local{};
        std::array<std::uint64_t, kMemcgEventCount> events_total{};
    };
    /// Those above have theirs too.
    Counts& counts() {
        if (counts_ == nullptr) {
            make_counts();
        }
        return *counts_;
    }
    void make_counts();

    struct KernelCounters {
        explicit KernelCounters(KernelCounters* parent)
            : kmem(parent != nullptr ? &parent->kmem : nullptr),
              tcpmem(parent != nullptr ? &parent->tcpmem : nullptr) {}
        PageCounter kmem;
        PageCounter tcpmem;
    };
    KernelCounters& kernel_counters();

    MemcgId id_;
    Memcg* parent_;
    std::unique_ptr<KernelCounters> kernel_counters_;
    Lruvec first_lruvec_;
    std::unique_ptr<FurtherNode[]> further_nodes_;
    NodeId further_node_count_ = 0;
    std::unique_ptr<Counts> counts_;
    using FlushedStats = std::array<std::int64_t, kFlushedItems.size()>;
    std::unique_ptr<FlushedStats[]> flushed_;  // by node; made when there is something to keep
    std::unique_ptr<ContentWatch> watch_;
};

/// The next group after `position` in a pre-order walk of `root`'s subtree (children in creation
/// order), or nullptr at the end. Start with position = &root.
Memcg* next_in_subtree(const Memcg& root, const Memcg& position);

}  // namespace memcgfs::engine
