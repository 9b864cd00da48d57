// SPDX-License-Identifier: MIT
#include "memcgfs/engine/memcg.h"

#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

Memcg::Memcg(MemcgId id, Memcg* parent, CgroupId group, NodeId nodes)
    : cgroup(group),
      memory(parent != nullptr ? &parent->memory : nullptr),
      swap(parent != nullptr ? &parent->swap : nullptr),
      id_(id),
      parent_(parent),
      further_node_count_(static_cast<NodeId>(nodes - 1)) {
    if (further_node_count_ > 0) {
        further_nodes_ = std::make_unique<FurtherNode[]>(further_node_count_);
    }
}

Memcg::KernelCounters& Memcg::kernel_counters() {
    if (kernel_counters_ == nullptr) {
        kernel_counters_ = std::make_unique<KernelCounters>(
            parent_ != nullptr ? &parent_->kernel_counters() : nullptr);
    }
    return *kernel_counters_;
}

PageCounter& Memcg::kmem() { return kernel_counters().kmem; }
PageCounter& Memcg::tcpmem() { return kernel_counters().tcpmem; }

Lruvec& Memcg::lruvec(NodeId node) {
    MEMCGFS_ASSERT(node <= further_node_count_);
    return node == 0 ? first_lruvec_ : further_nodes_[node - 1].lruvec;
}

const Lruvec& Memcg::lruvec(NodeId node) const { return const_cast<Memcg*>(this)->lruvec(node); }

std::int64_t Memcg::node_stat_total(NodeId node, StatItem item) const {
    MEMCGFS_ASSERT(is_node_item(item) && node <= further_node_count_);
    if (node > 0) {
        return further_nodes_[node - 1].stat_total[index(item)];
    }
    std::int64_t first = stat_total(item);
    for (NodeId further = 0; further < further_node_count_; further++) {
        first -= further_nodes_[further].stat_total[index(item)];
    }
    return first;
}

void Memcg::add_stat(StatItem item, std::int64_t delta) {
    MEMCGFS_ASSERT(!is_node_item(item));
    add_everywhere(item, delta);
}

void Memcg::add_node_stat(NodeId node, StatItem item, std::int64_t delta) {
    MEMCGFS_ASSERT(is_node_item(item) && node <= further_node_count_);
    if (node > 0) {
        for (Memcg* level = this; level != nullptr; level = level->parent_) {
            level->further_nodes_[node - 1].stat_total[index(item)] += delta;
        }
    }
    add_everywhere(item, delta);
}

void Memcg::make_counts() {
    for (Memcg* level = this; level != nullptr && level->counts_ == nullptr;
         level = level->parent_) {
        level->counts_ = std::make_unique<Counts>();
    }
}

void Memcg::add_everywhere(StatItem item, std::int64_t delta) {
    counts().stat[index(item)] += delta;
    for (Memcg* level = this; level != nullptr; level = level->parent_) {
        level->counts_->stat_total[index(item)] += delta;
        level->content_changed();
    }
}

void Memcg::keep_flushed(std::uint64_t epoch) {
    const NodeId nodes = static_cast<NodeId>(further_node_count_ + 1);
    if (flushed_ == nullptr) {
        flushed_ = std::make_unique<FlushedStats[]>(nodes);
    }
    for (NodeId node = 0; node < nodes; node++) {
        for (std::size_t i = 0; i < kFlushedItems.size(); i++) {
            flushed_[node][i] = node_stat_total(node, kFlushedItems[i]);
        }
    }
    flushed_in = epoch;
}

std::int64_t Memcg::flushed_stat(NodeId node, StatItem item) const {
    constexpr std::size_t kLists = 4;  // the first of kFlushedItems, in the order of StatItem
    const std::size_t place = item < StatItem::kWorkingsetActivateAnon
                                  ? index(item) - index(StatItem::kInactiveAnon)
                                  : kLists + index(item) - index(StatItem::kWorkingsetActivateAnon);
    MEMCGFS_ASSERT(kFlushedItems.at(place) == item && node <= further_node_count_);
    return flushed_[node][place];
}

ContentWatch& Memcg::watch(EffectSink& effects) {
    if (watch_ == nullptr) {
        watch_ = std::make_unique<ContentWatch>(effects, cgroup);
        memory.tell(watch_.get());
        swap.tell(watch_.get());
    }
    return *watch_;
}

bool Memcg::is_descendant_of(const Memcg& ancestor) const {
    const Memcg* level = this;
    while (level != nullptr && level != &ancestor) {
        level = level->parent_;
    }
    return level != nullptr;
}

Memcg* next_in_subtree(const Memcg& root, const Memcg& position) {
    if (!position.children.empty()) {
        return position.children.front();
    }
    const Memcg* level = &position;
    while (level != &root) {
        if (level->next_sibling != nullptr) {
            return level->next_sibling;
        }
        level = level->parent();
    }
    return nullptr;
}

}  // namespace memcgfs::engine
