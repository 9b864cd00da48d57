// SPDX-License-Identifier: MIT
#include "engine/workingset.h"

#include <algorithm>

#include "engine/pages.h"
#include "engine/stat_flush.h"

namespace memcgfs::engine {

namespace {

std::uint64_t pages_on(const Engine::State& state, const Memcg& memcg, NodeId node, LruList list) {
    return static_cast<std::uint64_t>(lruvec_page_state(state, memcg, node, stat_of_list(list)));
}

/// The memory that could have held the page, had it not gone: what competes with it now.
std::uint64_t room_for(const Engine::State& state, const Memcg& evictor, NodeId node,
                       const Memcg& owner, bool file) {
    std::uint64_t room = pages_on(state, evictor, node, LruList::kActiveFile);
    if (!state.profile().anon_workingset) {
        return room;
    }
    if (!file) {
        room += pages_on(state, evictor, node, LruList::kInactiveFile);
    }
    const Memcg& swapper = state.profile().refault_asks_evictor_for_swap ? evictor : owner;
    if (reachable_swap(state, swapper) > Pages{0}) {
        room += pages_on(state, evictor, node, LruList::kActiveAnon);
        if (file) {
            room += pages_on(state, evictor, node, LruList::kInactiveAnon);
        }
    }
    return room;
}

StatItem either(bool file, StatItem anon_item, StatItem file_item) {
    return file ? file_item : anon_item;
}

/// How the pages of one run of shadows come back. An activated page moves the clock by one, as
/// the next page's eviction did, so that all after it are as near; the others come nearer by one
/// each, and the room stays the same.
RefaultPart judge(const Engine::State& state, const ShadowRun& run, const Memcg& evictor,
                  const Memcg& owner, bool file) {
    const std::uint64_t distance = evictor.lruvec(run.node).nonresident_age - run.age;
    const std::uint64_t room = room_for(state, evictor, run.node, owner, file);
    if (distance <= room) {
        return {run.count, true, run.workingset};
    }
    return {std::min(run.count, distance - room), false, false};
}

}  // namespace

void age_nonresident(Memcg& memcg, NodeId node, Pages pages) {
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        level->lruvec(node).nonresident_age += pages.count();
    }
}

void leave_shadows(Mapping& mapping, Engine::Range range, Memcg& evictor,
                   const PageState& page_state) {
    mapping.shadows.put({.first = range.first,
                         .count = range.count,
                         .evictor = evictor.id(),
                         .node = page_state.node,
                         .age = evictor.lruvec(page_state.node).nonresident_age,
                         .workingset = page_state.workingset});
    age_nonresident(evictor, page_state.node, Pages{range.count});
}

void apply_refault(const RefaultPart& part, PageState& page_state) {
    if (part.active && page_state.list != LruList::kUnevictable) {
        page_state.list =
            page_state.list == LruList::kInactiveFile ? LruList::kActiveFile : LruList::kActiveAnon;
    }
    page_state.workingset = part.workingset;
}

RefaultPart refault(Engine::State& state, Mapping& mapping, Engine::Range range, Memcg& owner,
                    NodeId node) {
    if (mapping.shadows.empty()) {
        return {range.count};
    }
    std::optional<ShadowRun> run = mapping.shadows.at(range.first);
    if (!run) {
        const auto next = mapping.shadows.next(range.first);
        return {next ? std::min(range.count, *next - range.first) : range.count};
    }
    run->count = std::min(run->count, range.count);
    const bool file = mapping.kind() == PageKind::kFile;
    const Memcg* evictor = state.memcgs.find(run->evictor);
    const bool forgotten = evictor == nullptr || !evictor->online;
    const RefaultPart part =
        forgotten ? RefaultPart{run->count} : judge(state, *run, *evictor, owner, file);
    mapping.shadows.erase(range.first, part.count);
    const auto pages = static_cast<std::int64_t>(part.count);
    if (!forgotten || state.profile().refault_always_counts) {
        owner.add_node_stat(
            node,
            either(file, StatItem::kWorkingsetRefaultAnon, StatItem::kWorkingsetRefaultFile),
            pages);
    }
    if (!part.active) {
        return part;
    }
    age_nonresident(owner, node, Pages{part.count});
    keep_flushed(state, owner);
    owner.add_node_stat(
        node, either(file, StatItem::kWorkingsetActivateAnon, StatItem::kWorkingsetActivateFile),
        pages);
    if (part.workingset) {
        note_cost(state, owner, node, file,
                  state.profile().scan_cost_counts_misses ? kIoCost * part.count : part.count);
        owner.add_node_stat(
            node, either(file, StatItem::kWorkingsetRestoreAnon, StatItem::kWorkingsetRestoreFile),
            pages);
    }
    return part;
}

void note_cost(const Engine::State& state, Memcg& memcg, NodeId node, bool file,
               std::uint64_t cost) {
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        Lruvec& lruvec = level->lruvec(node);
        (file ? lruvec.file_cost : lruvec.anon_cost) += cost;
        const std::uint64_t size = pages_on(state, *level, node, LruList::kInactiveAnon) +
                                   pages_on(state, *level, node, LruList::kActiveAnon) +
                                   pages_on(state, *level, node, LruList::kInactiveFile) +
                                   pages_on(state, *level, node, LruList::kActiveFile);
        if (lruvec.anon_cost + lruvec.file_cost > size / 4) {
            lruvec.anon_cost /= 2;
            lruvec.file_cost /= 2;
        }
    }
}

bool workingset_changes(const Engine::State& state, const Memcg& memcg, NodeId node, bool file) {
    const std::int64_t now = lruvec_page_state(
        state, memcg, node,
        either(file, StatItem::kWorkingsetActivateAnon, StatItem::kWorkingsetActivateFile));
    const Lruvec& lruvec = memcg.lruvec(node);
    return now != (file ? lruvec.seen_activate_file : lruvec.seen_activate_anon);
}

void snapshot_workingset(const Engine::State& state, Memcg& memcg, NodeId node) {
    Lruvec& lruvec = memcg.lruvec(node);
    lruvec.seen_activate_anon =
        lruvec_page_state(state, memcg, node, StatItem::kWorkingsetActivateAnon);
    lruvec.seen_activate_file =
        lruvec_page_state(state, memcg, node, StatItem::kWorkingsetActivateFile);
}

}  // namespace memcgfs::engine
