// SPDX-License-Identifier: MIT
#include "engine/numa.h"

#include <algorithm>
#include <bit>

#include "engine/controllers/states.h"
#include "engine/huge_page.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/reclaim.h"
#include "engine/torn_page.h"

namespace memcgfs::engine {

namespace {

/// DEVIATION(interleave-in-runs): so many pages in a row come from one node, where Linux changes
/// with every page; the nodes' shares are the same and a run stays a run.
constexpr std::uint64_t kInterleaveRun = 64;
constexpr Pages kMigrateStep{512};
constexpr unsigned kOfflineRetries = 16;

NodeId nth_node(NodeMask mask, std::uint64_t number) {
    for (; number > 0; number--) {
        mask &= mask - 1;
    }
    return static_cast<NodeId>(std::countr_zero(mask));
}

/// How many nodes of the mask are below `node`.
std::uint64_t rank_of(NodeMask mask, NodeId node) {
    return static_cast<std::uint64_t>(std::popcount(mask & ((NodeMask{1} << node) - 1)));
}

/// Moves resident pages from the extent's beginning on to where `pages` are; returns how many.
/// None: the extent was a torn huge page, which is split now.
Pages migrate_extent(Engine::State& state, Extent& extent, PageReservation pages) {
    if (extent.state.torn) {
        split_torn(state, extent);
        return Pages{0};
    }
    const Engine::Range moved{extent.first, std::min(Pages{extent.count}, pages.pages()).count()};
    Mapping& mapping = *extent.mapping;
    if (extent.state.huge) {
        const bool split = split_cut_huge(state, extent, moved);
        state.count(split ? VmEvent::kThpMigrationSplit : VmEvent::kThpMigrationSuccess, 1);
    }
    pages.use(Pages{moved.count});
    move_pages(state, carve(*mapping.find(moved.first), moved), pages.place());
    state.count(VmEvent::kPgmigrateSuccess, moved.count);
    return Pages{moved.count};
}

}  // namespace

PolicyChoice policy_nodes(const Engine::State& state, const OpContext& op, const Task* task,
                          std::uint64_t index) {
    if (state.nodes.size() == 1) {
        return {{}, kPageCounterMax};  // nothing to choose from
    }
    const NodeId local = state.local_node(op.cpu);
    PolicyChoice choice{{.first = local}, kPageCounterMax};
    const MemPolicy policy = task != nullptr ? task->mempolicy : MemPolicy{};
    switch (policy.mode) {
        case MemPolicy::Mode::kDefault:
            break;
        case MemPolicy::Mode::kPreferred:
            choice.nodes.first = nth_node(policy.nodes, 0);
            break;
        case MemPolicy::Mode::kBind:
            choice.nodes.allowed = policy.nodes;
            break;
        case MemPolicy::Mode::kInterleave: {
            const auto nodes = static_cast<std::uint64_t>(std::popcount(policy.nodes));
            choice.nodes.first = nth_node(policy.nodes, index / kInterleaveRun % nodes);
            choice.most = Pages{kInterleaveRun - index % kInterleaveRun};
            break;
        }
    }
    if (const NodeMask allowed = task != nullptr ? allowed_nodes(state, *task) : 0; allowed != 0) {
        const NodeMask both = choice.nodes.allowed & allowed;
        choice.nodes.allowed = both != 0 ? both : allowed;
    }
    return choice;
}

Coro<OperationResult> migrate_task_pages(Engine::State& state, OpContext& op, NodeMask from,
                                         NodeMask to) {
    const Task* task = state.tasks.find(op.task);
    const std::vector<MappingId> regions =
        task != nullptr ? task->regions : std::vector<MappingId>{};
    const auto targets = static_cast<std::uint64_t>(std::popcount(to));
    std::uint64_t failed = 0;
    for (const MappingId id : regions) {
        if (Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
            split_all_torn(state, *mapping);
        }
        std::uint64_t index = 0;
        for (;;) {
            Mapping* mapping = state.mappings.find(id);
            Extent* extent = mapping != nullptr ? mapping->next(index) : nullptr;
            if (extent == nullptr || mapping->users > 1 || op.signal_pending) {
                break;
            }
            const NodeId node = extent->state.node;
            const NodeId target = nth_node(to, rank_of(from, node) % targets);
            if (extent->state.where != PageState::Where::kResident || (from >> node & 1U) == 0 ||
                target == node) {
                index = extent->end();
                continue;
            }
            const Pages wanted = std::min(Pages{extent->count}, kMigrateStep);
            auto pages = alloc_on_node(state, wanted, target);
            if (!pages) {
                failed += extent->count;
                state.count(VmEvent::kPgmigrateFail, extent->count);
                index = extent->end();
                continue;
            }
            index = extent->first;
            index += migrate_extent(state, *extent, std::move(*pages)).count();
            co_await op.pause_point();
        }
    }
    co_return failed;
}

namespace {

/// Free pages of a zone that are about to leave it; free again unless they do.
class IsolatedPages {
public:
    IsolatedPages(Engine::State& state, PagePlace place) : state_(state), place_(place) {}
    ~IsolatedPages() {
        zone().free += held_;
        zone().isolated -= held_;
    }
    IsolatedPages(const IsolatedPages&) = delete;
    IsolatedPages& operator=(const IsolatedPages&) = delete;

    /// Takes what is free, up to the block; true once that is complete.
    bool take() {
        const Pages more = std::min(zone().free, kMemoryBlock - held_);
        zone().free -= more;
        zone().isolated += more;
        held_ += more;
        return held_ == kMemoryBlock;
    }
    /// They are no memory any more.
    void remove() {
        zone().isolated -= held_;
        zone().managed -= held_;
        zone().blocks_offline++;
        held_ = Pages{0};
    }

private:
    Zone& zone() { return state_.nodes[place_.node].zone(place_.zone); }
    Engine::State& state_;
    PagePlace place_;
    Pages held_{};
};

/// Any extent with pages in the zone; nullptr: there is none on a list.
Extent* extent_in(Engine::State& state, PagePlace place) {
    Memcg& root = *state.root_memcg;
    for (Memcg* memcg = &root; memcg != nullptr; memcg = next_in_subtree(root, *memcg)) {
        for (std::size_t list = 0; list < kLruListCount; list++) {
            Extent* extent = memcg->lruvec(place.node).list(static_cast<LruList>(list)).tail;
            while (extent != nullptr && extent->state.zone != place.zone) {
                extent = extent->newer;
            }
            if (extent != nullptr) {
                return extent;
            }
        }
    }
    return nullptr;
}

}  // namespace

Coro<OperationResult> offline_block(Engine::State& state, OpContext& op, PagePlace place) {
    if (place.node >= state.nodes.size() ||
        state.nodes[place.node].zone(place.zone).managed < kMemoryBlock) {
        co_return Err(Errno::kEINVAL);
    }
    IsolatedPages block(state, place);
    const NodePreference nodes{.first = place.node};
    unsigned fruitless = 0;
    while (!block.take()) {
        if (op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        Extent* extent = extent_in(state, place);
        std::optional<PageReservation> pages =
            extent == nullptr
                ? std::nullopt
                : alloc_above_min(state, std::min(Pages{extent->count}, kMigrateStep), nodes);
        if (pages) {
            migrate_extent(state, *extent, std::move(*pages));
            co_await op.pause_point();
            continue;
        }
        const Pages freed = co_await try_to_free_pages(state, op, nodes);
        fruitless = freed > Pages{0} ? 0 : fruitless + 1;
        if (fruitless > kOfflineRetries) {
            co_return Err(Errno::kEBUSY);
        }
        co_await op.pause_point();
    }
    block.remove();
    init_marks(state.nodes, state.vm_knobs, state.profile(),
               state.machine().thp_mode() != ThpMode::kNever);
    co_return std::uint64_t{0};
}

}  // namespace memcgfs::engine
