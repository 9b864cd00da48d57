// SPDX-License-Identifier: MIT
#include "engine/reparent.h"

#include "engine/charge.h"
#include "engine/pages.h"

namespace memcgfs::engine {

namespace {

constexpr std::array kLists{LruList::kInactiveAnon, LruList::kActiveAnon, LruList::kInactiveFile,
                            LruList::kActiveFile, LruList::kUnevictable};

/// From the oldest on, so that they keep their order.
Pages move_list(Engine::State& state, Memcg& to, const Lruvec::List& list) {
    Pages moved{};
    Extent* extent = list.tail;
    while (extent != nullptr) {
        Extent* const newer = extent->newer;
        if (!extent->state.torn) {
            moved += Pages{extent->count};
            move_resident(state, *extent, to);
        }
        extent = newer;
    }
    return moved;
}

}  // namespace

void reparent_charges(Engine::State& state, Memcg& memcg) {
    drain_all_stock(state, memcg);
    Memcg& parent = *memcg.parent();
    Pages moved{};
    for (NodeId node = 0; node < state.nodes.size(); node++) {
        for (const LruList list : kLists) {
            moved += move_list(state, parent, memcg.lruvec(node).list(list));
        }
    }
    const Pages in_memsw = state.memory_on_v1() ? moved : Pages{0};
    memcg.memory.uncharge(moved);
    memcg.memsw.uncharge(in_memsw);
    if (!parent.is_root()) {
        parent.memory.charge(moved);
        parent.memsw.charge(in_memsw);
    }
}

}  // namespace memcgfs::engine
