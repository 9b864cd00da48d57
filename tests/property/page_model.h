// SPDX-License-Identifier: MIT
//
// A second engine for one CPU that knows single pages: naive and slow. Written from the kernel's
// rules (mm/page_counter.c, mm/memcontrol.c, mm/vmscan.c, mm/workingset.c, 6.1), page by page and
// list by list; it shares nothing with the engine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

namespace memcgfs::test {

inline constexpr std::uint64_t kBatch = 64;
inline constexpr std::uint64_t kCluster = 32;
inline constexpr std::uint64_t kCostly = 8;
inline constexpr std::uint64_t kUnlimited = UINT64_MAX / 2;

struct ModelGroup {
    explicit ModelGroup(ModelGroup* above = nullptr) : parent(above) {}

    ModelGroup* parent;
    std::vector<ModelGroup*> children;
    std::uint64_t use = 0;
    std::uint64_t cap = kUnlimited;
    std::uint64_t peak = 0;
    std::uint64_t failcnt = 0;
    std::uint64_t max_events = 0;  // local

    // Clean page cache that nobody maps. Front: youngest.
    std::deque<std::uint64_t> inactive;
    std::deque<std::uint64_t> active;
    std::uint64_t age = 0;
    std::uint64_t activations = 0;  // refaults that started active
    std::uint64_t seen_activations = 0;
    std::uint64_t scanned = 0;
    std::uint64_t stolen = 0;
    std::uint64_t activated = 0;
    std::uint64_t refilled = 0;
    std::uint64_t flushed_actives = 0;  // as the last visit of reclaim found them
};

/// One CPU, groups below a root that has no limit.
class Model {
public:
    ModelGroup& make(ModelGroup* parent) {
        groups_.emplace_back(parent != nullptr ? parent : &root_);
        groups_.back().parent->children.push_back(&groups_.back());
        return groups_.back();
    }

    /// A page, or a huge page, which nothing of the group's is reclaimed for. False: it would take
    /// an OOM kill, or small pages.
    bool charge_page(ModelGroup& group, std::uint64_t pages = 1) {
        std::uint64_t batch = std::max(kBatch, pages);
        bool drained = false;
        int retries = pages > kCostly ? 16 : 0;
        for (int rounds = 0; rounds < 1000; rounds++) {
            if (stock_owner_ == &group && stock_ >= pages) {
                stock_ -= pages;
                return true;
            }
            ModelGroup* over = try_add(group, batch);
            if (over == nullptr) {
                if (batch > pages) {
                    put(group, batch - pages);
                }
                return true;
            }
            if (batch > pages) {
                batch = pages;
                continue;
            }
            over->max_events++;
            const std::uint64_t freed = reclaim(*over);
            if (over->use + pages <= over->cap) {
                continue;
            }
            if (!drained) {
                drain_below(*over);
                drained = true;
            } else if ((freed == 0 || pages > kCostly) && retries-- == 0) {
                return false;
            }
        }
        return false;
    }

    void uncharge(ModelGroup& group, std::uint64_t pages) { sub(group, pages); }

    /// read(2) of one page.
    bool read(ModelGroup& reader, std::uint64_t page) {
        const auto cached = owner_.find(page);
        if (cached != owner_.end()) {
            mark_accessed(*cached->second, page);
            return true;
        }
        if (!charge_page(reader)) {
            return false;
        }
        owner_[page] = &reader;
        const bool starts_active = refault(reader, page);
        (starts_active ? reader.active : reader.inactive).push_front(page);
        referenced_.insert(page);
        return true;
    }

    std::vector<std::uint64_t> cached_pages() const {
        std::vector<std::uint64_t> pages;
        for (const auto& [page, owner] : owner_) {
            pages.push_back(page);
        }
        return pages;
    }
    bool is_active(std::uint64_t page) const {
        const auto& list = owner_.at(page)->active;
        return std::find(list.begin(), list.end(), page) != list.end();
    }

private:
    struct Shadow {
        ModelGroup* root;
        std::uint64_t age;
    };

    ModelGroup* try_add(ModelGroup& group, std::uint64_t pages) {
        for (ModelGroup* level = &group; level != nullptr; level = level->parent) {
            level->use += pages;
            if (level->use > level->cap) {
                level->use -= pages;
                level->failcnt++;
                for (ModelGroup* below = &group; below != level; below = below->parent) {
                    below->use -= pages;
                }
                return level;
            }
            level->peak = std::max(level->peak, level->use);
        }
        return nullptr;
    }

    static void sub(ModelGroup& group, std::uint64_t pages) {
        for (ModelGroup* level = &group; level != nullptr; level = level->parent) {
            level->use -= pages;
        }
    }

    void put(ModelGroup& group, std::uint64_t pages) {
        if (stock_owner_ != &group) {
            drain();
            stock_owner_ = &group;
        }
        stock_ += pages;
        if (stock_ > kBatch) {
            drain();
        }
    }

    void drain() {
        if (stock_owner_ != nullptr) {
            sub(*stock_owner_, stock_);
        }
        stock_owner_ = nullptr;
        stock_ = 0;
    }

    void drain_below(const ModelGroup& top) {
        for (const ModelGroup* level = stock_owner_; level != nullptr; level = level->parent) {
            if (level == &top) {
                drain();
                return;
            }
        }
    }

    static void age_tree(ModelGroup& group) {
        for (ModelGroup* level = &group; level != nullptr; level = level->parent) {
            level->age++;
        }
    }

    static void tree_of(ModelGroup& top, std::vector<ModelGroup*>& tree) {
        tree.push_back(&top);
        for (ModelGroup* child : top.children) {
            tree_of(*child, tree);
        }
    }
    static std::vector<ModelGroup*> tree(ModelGroup& top) {
        std::vector<ModelGroup*> groups;
        tree_of(top, groups);
        return groups;
    }
    template <class Member>
    static std::uint64_t sum(ModelGroup& top, Member member) {
        std::uint64_t all = 0;
        for (ModelGroup* group : tree(top)) {
            all += member(*group);
        }
        return all;
    }
    static std::uint64_t actives(ModelGroup& top) {
        return sum(top, [](const ModelGroup& group) { return group.active.size(); });
    }
    static std::uint64_t inactives(ModelGroup& top) {
        return sum(top, [](const ModelGroup& group) { return group.inactive.size(); });
    }
    static std::uint64_t flushed(const ModelGroup& group) { return group.flushed_actives; }
    static std::uint64_t activations(ModelGroup& top) {
        return sum(top, [](const ModelGroup& group) { return group.activations; });
    }

    void mark_accessed(ModelGroup& owner, std::uint64_t page) {
        if (!referenced_.contains(page)) {
            referenced_.insert(page);
            return;
        }
        const auto at = std::find(owner.inactive.begin(), owner.inactive.end(), page);
        if (at == owner.inactive.end()) {
            return;  // active and referenced: nothing more to become
        }
        owner.inactive.erase(at);
        owner.active.push_front(page);
        referenced_.erase(page);
        owner.activated++;
        age_tree(owner);
    }

    /// A page that was evicted not long ago starts active.
    bool refault(ModelGroup& owner, std::uint64_t page) {
        const auto at = shadows_.find(page);
        if (at == shadows_.end()) {
            return false;
        }
        const Shadow shadow = at->second;
        shadows_.erase(at);
        // Nobody brings the statistics up to date for a refault.
        if (shadow.root->age - shadow.age > sum(*shadow.root, &flushed)) {
            return false;
        }
        age_tree(owner);
        owner.activations++;
        return true;
    }

    std::uint64_t reclaim(ModelGroup& top) {
        bool force = false;
        for (;;) {
            bool skipped = false;
            std::uint64_t freed = 0;
            for (unsigned priority = 13; priority-- > 0 && freed < kCluster;) {
                for (ModelGroup* group : tree(root_)) {
                    group->flushed_actives = group->active.size();
                }
                const bool permitted = force || activations(top) != top.seen_activations ||
                                       inactives(top) < actives(top);
                for (ModelGroup* group : tree(top)) {
                    freed += list_pass(top, *group, priority, permitted, skipped);
                }
            }
            top.seen_activations = activations(top);
            if (freed > 0 || !skipped || force) {
                return freed;
            }
            force = true;
        }
    }

    std::uint64_t list_pass(ModelGroup& top, ModelGroup& group, unsigned priority, bool permitted,
                            bool& skipped) {
        std::uint64_t inactive = group.inactive.size() >> priority;
        std::uint64_t active = group.active.size() >> priority;
        std::uint64_t freed = 0;
        while ((inactive > 0 || active > 0) && freed < kCluster) {
            const std::uint64_t take = std::min(inactive, kCluster);
            inactive -= take;
            freed += shrink_inactive(top, group, take);
            const std::uint64_t age = std::min(active, kCluster);
            active -= age;
            skipped = skipped || (age > 0 && !permitted);
            if (permitted) {
                shrink_active(group, age);
            }
        }
        return freed;
    }

    std::uint64_t shrink_inactive(ModelGroup& top, ModelGroup& group, std::uint64_t count) {
        count = std::min<std::uint64_t>(count, group.inactive.size());
        for (std::uint64_t i = 0; i < count; i++) {
            const std::uint64_t page = group.inactive.back();
            group.inactive.pop_back();
            referenced_.erase(page);
            owner_.erase(page);
            sub(group, 1);
            shadows_[page] = {&top, top.age};
            age_tree(top);
        }
        group.scanned += count;
        group.stolen += count;
        return count;
    }

    void shrink_active(ModelGroup& group, std::uint64_t count) {
        count = std::min<std::uint64_t>(count, group.active.size());
        for (std::uint64_t i = 0; i < count; i++) {
            group.inactive.push_front(group.active.back());
            group.active.pop_back();
        }
        group.refilled += count;
    }

    ModelGroup root_;
    std::deque<ModelGroup> groups_;
    ModelGroup* stock_owner_ = nullptr;
    std::uint64_t stock_ = 0;
    std::map<std::uint64_t, ModelGroup*> owner_;
    std::set<std::uint64_t> referenced_;
    std::map<std::uint64_t, Shadow> shadows_;
};

}  // namespace memcgfs::test
