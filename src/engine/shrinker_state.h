// SPDX-License-Identifier: MIT
//
// What shrinkers remember between passes (struct shrinker_info, struct deferred_split, 6.1).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

enum class ShrinkerKind : std::uint8_t {
    kDeferredSplit,  ///< huge pages given up in part
    kSuperBlock,     ///< dentries of the disk
};

/// Objects that a shrinker was to look at and has not: less than a batch at a time is put off.
class ShrinkerBacklog {
public:
    struct Key {
        std::uint64_t memcg = 0;
        NodeId node = 0;
        ShrinkerKind kind{};
        auto operator<=>(const Key&) const = default;
    };
    /// What has been put off; from now on it is the caller's.
    std::uint64_t take(Key key) {
        const auto found = objects_.find(key);
        if (found == objects_.end()) {
            return 0;
        }
        const std::uint64_t objects = found->second;
        objects_.erase(found);
        return objects;
    }
    void put(Key key, std::uint64_t objects) {
        if (objects > 0) {
            objects_[key] += objects;
        }
    }
    /// What a removed group has put off is its parent's affair (reparent_shrinker_deferred).
    void move(MemcgId from, MemcgId to) {
        auto it = objects_.lower_bound({.memcg = from.value});
        while (it != objects_.end() && it->first.memcg == from.value) {
            Key key = it->first;
            key.memcg = to.value;
            objects_[key] += it->second;
            it = objects_.erase(it);
        }
    }

private:
    std::map<Key, std::uint64_t> objects_;
};

/// A huge page given up in part: the mapping and the place of the torn extent in it.
struct TornPage {
    MappingId mapping;
    std::uint64_t first = 0;
    bool operator==(const TornPage&) const = default;
};

/// Torn huge pages of each group, those that have waited longest first. A removed group keeps its
/// own until they are freed.
class TornPages {
public:
    void add(MemcgId memcg, TornPage page) {
        Queue& queue = queues_[memcg.value];
        queue.ages[{page.mapping.value, page.first}] = next_age_;
        queue.pages.emplace(next_age_++, page);
    }
    void remove(MemcgId memcg, TornPage page) {
        const auto queue = queues_.find(memcg.value);
        const auto age = queue->second.ages.find({page.mapping.value, page.first});
        queue->second.pages.erase(age->second);
        queue->second.ages.erase(age);
        if (queue->second.pages.empty()) {
            queues_.erase(queue);
        }
    }
    std::uint64_t count(MemcgId memcg) const {
        const auto queue = queues_.find(memcg.value);
        return queue != queues_.end() ? queue->second.pages.size() : 0;
    }
    /// Nothing is in the group's queue: nullopt.
    std::optional<TornPage> oldest(MemcgId memcg) const {
        const auto queue = queues_.find(memcg.value);
        return queue != queues_.end() ? std::optional(queue->second.pages.begin()->second)
                                      : std::nullopt;
    }
    bool contains(MemcgId memcg, TornPage page) const {
        const auto queue = queues_.find(memcg.value);
        return queue != queues_.end() &&
               queue->second.ages.contains({page.mapping.value, page.first});
    }

private:
    struct Queue {
        std::map<std::uint64_t, TornPage> pages;  // by age
        std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> ages;
    };
    std::map<std::uint64_t, Queue> queues_;  // by group
    std::uint64_t next_age_ = 0;
};

}  // namespace memcgfs::engine
