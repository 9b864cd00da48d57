// SPDX-License-Identifier: MIT
#include "memcgfs/engine/memcg.h"

#include <algorithm>

#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

Memcg::Memcg(MemcgId id, Memcg* parent, CgroupId group)
    : cgroup(group),
      memory(parent != nullptr ? &parent->memory : nullptr),
      swap(parent != nullptr ? &parent->swap : nullptr),
      memsw(parent != nullptr ? &parent->memsw : nullptr),
      kmem(parent != nullptr ? &parent->kmem : nullptr),
      tcpmem(parent != nullptr ? &parent->tcpmem : nullptr),
      id_(id),
      parent_(parent) {}

void Memcg::add_stat(StatItem item, std::int64_t delta) {
    stat_[index(item)] += delta;
    for (Memcg* level = this; level != nullptr; level = level->parent_) {
        level->stat_total_[index(item)] += delta;
    }
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
        const auto& siblings = level->parent()->children;
        auto it = std::find(siblings.begin(), siblings.end(), level);
        MEMCGFS_ASSERT(it != siblings.end());
        if (++it != siblings.end()) {
            return *it;
        }
        level = level->parent();
    }
    return nullptr;
}

}  // namespace memcgfs::engine
