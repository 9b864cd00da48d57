// SPDX-License-Identifier: MIT
#include "engine/next_page.h"

#include "engine/notify.h"
#include "engine/page_alloc.h"
#include "engine/stat_flush.h"

namespace memcgfs::engine {

namespace {

/// Where an allocation that can have any zone finds a page above the low mark; nullptr: nowhere.
Zone* first_zone_with_room(Node& node) {
    for (std::size_t type = kZoneTypeCount; type-- > 0;) {
        Zone& zone = node.zones[type];
        if (zone.above(zone.marks.low) > Pages{0}) {
            return &zone;
        }
    }
    return nullptr;
}

/// A page of private memory that has just been written to, otherwise like `before`.
PageState written_page(const Mapping& mapping, TaskId task, const PageState& before) {
    PageState page_state;
    page_state.mapped = mapping.user_bits.bit(task);
    page_state.young = page_state.mapped;
    page_state.zone = before.zone;
    return page_state;
}

}  // namespace

bool put_next_page(Engine::State& state, OpContext& op, Memcg& memcg, Mapping& mapping,
                   std::uint64_t index) {
    Engine::State::Stock& stock = state.stocks[op.cpu];
    if (stock.owner != &memcg || stock.pages == Pages{0} || mapping.kind() != PageKind::kAnon ||
        state.nodes.size() > 1 || mapping.locked || !mapping.shadows.empty()) {
        return false;
    }
    constexpr Pages kOne{1};
    Node& node = state.nodes[0];
    Lruvec& lruvec = memcg.lruvec(0);
    const Extent* before = lruvec.list(LruList::kInactiveAnon).head;
    Zone* zone = first_zone_with_room(node);
    if (before == nullptr || zone != &node.zone(before->state.zone)) {
        return false;
    }
    const PageState page_state = written_page(mapping, op.task, before->state);
    if (!lruvec.extend_head(mapping, index, 1, page_state)) {
        return false;
    }
    stock.pages -= kOne;
    zone->free -= kOne;
    zone->list(LruList::kInactiveAnon) += kOne;
    count_allocation(state, {0, page_state.zone}, {}, kOne, 1);
    mapping.resident += kOne;
    keep_flushed(state, memcg);
    memcg.add_first_node_stats<StatItem::kPgpgin, StatItem::kPgfault, StatItem::kAnon,
                               StatItem::kInactiveAnon>(1);
    memcg_check_events(state, memcg, kOne, PageBatch::kOneByOne);
    op.spend(state.machine().costs.fault);
    return true;
}

}  // namespace memcgfs::engine
