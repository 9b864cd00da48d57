// SPDX-License-Identifier: MIT
#include "memcgfs/engine/lruvec.h"

#include <utility>

#include "memcgfs/base/assert.h"
#include "memcgfs/engine/memcg.h"

namespace memcgfs::engine {

namespace {

bool same_owners(const Extent& a, const Extent& b) {
    return a.slot_owner == b.slot_owner && a.zswap_owner == b.zswap_owner;
}

}  // namespace

Extent* Mapping::find(std::uint64_t index) {
    Extent* extent = next(index);
    return extent != nullptr && extent->first <= index ? extent : nullptr;
}

Extent* Mapping::next(std::uint64_t index) {
    // Most new pages come after all others.
    if (extents_.empty() || extents_.rbegin()->second.end() <= index) {
        return nullptr;
    }
    auto it = extents_.upper_bound(index);
    if (it != extents_.begin()) {
        auto before = std::prev(it);
        if (before->second.end() > index) {
            return &before->second;
        }
    }
    return it != extents_.end() ? &it->second : nullptr;
}

Extent& Mapping::insert(std::uint64_t first, std::uint64_t count, Memcg* memcg, PageState state) {
    MEMCGFS_ASSERT(count > 0);
    auto [it, inserted] = extents_.try_emplace(first);
    MEMCGFS_ASSERT(inserted);
    Extent& extent = it->second;
    extent.mapping = this;
    extent.first = first;
    extent.count = count;
    extent.memcg = memcg;
    extent.state = state;
    return extent;
}

void Mapping::erase(Extent& extent) {
    MEMCGFS_ASSERT(extent.newer == nullptr && extent.older == nullptr);
    extents_.erase(extent.first);
}

Extent& Mapping::split(Extent& extent, std::uint64_t at) {
    if (at == extent.first) {
        return extent;
    }
    Extent& younger = split_isolated(extent, at);
    if (extent.state.where == PageState::Where::kResident) {
        extent.memcg->lruvec(extent.state.node).link_above(extent, younger);
    }
    return younger;
}

Extent& Mapping::split_isolated(Extent& extent, std::uint64_t at) {
    MEMCGFS_ASSERT(at > extent.first && at < extent.end());
    MEMCGFS_ASSERT(!extent.state.compound() || huge_offset(at) == 0);
    Extent& younger = insert(at, extent.end() - at, extent.memcg, extent.state);
    extent.count = at - extent.first;
    younger.slot_owner = extent.slot_owner;
    younger.zswap_owner = extent.zswap_owner;
    return younger;
}

void Mapping::move(Extent& extent, std::uint64_t first) {
    auto node = extents_.extract(extent.first);
    node.key() = first;
    const bool inserted = extents_.insert(std::move(node)).inserted;
    MEMCGFS_ASSERT(inserted);
    extent.first = first;
}

void Mapping::merge_swapped(Extent& extent) {
    auto it = extents_.find(extent.first);
    const auto alike = [](const Extent& a, const Extent& b) {
        return a.end() == b.first && a.memcg == b.memcg && a.zswap_owner == b.zswap_owner &&
               a.state == b.state;
    };
    if (const auto after = std::next(it);
        after != extents_.end() && alike(it->second, after->second)) {
        it->second.count += after->second.count;
        extents_.erase(after);
    }
    if (it == extents_.begin()) {
        return;
    }
    if (Extent& before = std::prev(it)->second; alike(before, it->second)) {
        before.count += it->second.count;
        extents_.erase(it);
    }
}

Extent& Lruvec::add_head(Extent& extent) {
    List& list = list_of(extent);
    list.pages += Pages{extent.count};
    Extent* head = list.head;
    if (head != nullptr && head->mapping == extent.mapping && head->end() == extent.first &&
        head->state == extent.state && same_owners(*head, extent)) {
        head->count += extent.count;
        extent.mapping->erase(extent);
        return *head;
    }
    extent.older = head;
    extent.newer = nullptr;
    if (head != nullptr) {
        head->newer = &extent;
    } else {
        list.tail = &extent;
    }
    list.head = &extent;
    return extent;
}

bool Lruvec::empty() const {
    for (const LruList which : {LruList::kInactiveAnon, LruList::kActiveAnon,
                                LruList::kInactiveFile, LruList::kActiveFile}) {
        if (size(which) > Pages{0}) {
            return false;
        }
    }
    return true;
}

bool Lruvec::extend_head(const Mapping& mapping, std::uint64_t first, std::uint64_t count,
                         const PageState& state) {
    List& list = lists_[static_cast<std::size_t>(state.list)];
    Extent* head = list.head;
    if (head == nullptr || head->mapping != &mapping || head->end() != first ||
        head->state != state || head->slot_owner != nullptr || head->zswap_owner != nullptr) {
        return false;
    }
    head->count += count;
    list.pages += Pages{count};
    return true;
}

Extent& Lruvec::add_tail(Extent& extent) {
    List& list = list_of(extent);
    list.pages += Pages{extent.count};
    extent.newer = list.tail;
    extent.older = nullptr;
    if (list.tail != nullptr) {
        list.tail->older = &extent;
    } else {
        list.head = &extent;
    }
    list.tail = &extent;
    return coalesce(extent);
}

void Lruvec::add_above(Extent& place, Extent& extent) {
    list_of(extent).pages += Pages{extent.count};
    link_above(place, extent);
}

bool Lruvec::join(Extent& older, Extent& younger) {
    if (older.mapping != younger.mapping || older.end() != younger.first ||
        older.state != younger.state || !same_owners(older, younger)) {
        return false;
    }
    List& list = list_of(older);
    older.count += younger.count;
    older.newer = younger.newer;
    (younger.newer != nullptr ? younger.newer->older : list.head) = &older;
    younger.newer = nullptr;
    younger.older = nullptr;
    younger.mapping->erase(younger);
    return true;
}

Extent& Lruvec::coalesce(Extent& extent) {
    if (extent.newer != nullptr) {
        join(extent, *extent.newer);
    }
    Extent* older = extent.older;
    return older != nullptr && join(*older, extent) ? *older : extent;
}

void Lruvec::remove(Extent& extent) {
    List& list = list_of(extent);
    (extent.newer != nullptr ? extent.newer->older : list.head) = extent.older;
    (extent.older != nullptr ? extent.older->newer : list.tail) = extent.newer;
    extent.newer = nullptr;
    extent.older = nullptr;
    list.pages -= Pages{extent.count};
}

void Lruvec::link_above(Extent& extent, Extent& younger) {
    List& list = list_of(extent);
    younger.older = &extent;
    younger.newer = extent.newer;
    (extent.newer != nullptr ? extent.newer->older : list.head) = &younger;
    extent.newer = &younger;
}

}  // namespace memcgfs::engine
