// SPDX-License-Identifier: MIT
#include "engine/shrinker.h"

#include <algorithm>

#include "engine/page_state.h"
#include "engine/slab.h"
#include "engine/torn_page.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kBatch = 128;             // SHRINK_BATCH
constexpr std::uint64_t kSuperBlockBatch = 1024;  // of alloc_super()

/// How much of a group's objects one pass goes through.
class Pass {
public:
    Pass(Engine::State& state, ShrinkerBacklog::Key key, std::uint64_t objects, unsigned priority,
         std::uint64_t batch)
        : state_(state), key_(key), objects_(objects), batch_(batch) {
        const std::uint64_t more = (objects >> priority) * 2;  // DEFAULT_SEEKS
        const std::uint64_t backlog = state.shrinker_backlog.take(key);
        pending_ = backlog + more;
        left_ = std::min((backlog >> priority) + more, 2 * objects);
    }
    ~Pass() {
        const std::uint64_t rest = pending_ > scanned_ ? pending_ - scanned_ : 0;
        state_.shrinker_backlog.put(key_, std::min(rest, 2 * objects_));
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    /// The next batch; 0: the rest is put off.
    std::uint64_t next() {
        if (left_ == 0 || (left_ < batch_ && left_ < objects_)) {
            return 0;
        }
        return std::min(batch_, left_);
    }
    void scanned(std::uint64_t batch) {
        left_ -= batch;
        scanned_ += batch;
        state_.count(VmEvent::kSlabsScanned, batch);
    }

private:
    Engine::State& state_;
    ShrinkerBacklog::Key key_;
    std::uint64_t objects_;
    std::uint64_t batch_;
    std::uint64_t pending_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t scanned_ = 0;
};

/// deferred_split_scan: splits so many torn huge pages, the oldest first. False: there are none.
bool split_oldest(Engine::State& state, const Memcg& memcg, std::uint64_t most) {
    for (std::uint64_t done = 0; done < most; done++) {
        const std::optional<TornPage> page = state.torn_pages.oldest(memcg.id());
        if (!page) {
            return done > 0;
        }
        Extent& holder = *state.mappings.find(page->mapping)->find(page->first);
        split_torn(state, carve(holder, {page->first, kHugePages}));
    }
    return true;
}

Coro<void> split_torn_pages(Engine::State& state, OpContext& op, const ScanControl& control,
                            const Memcg& memcg) {
    const std::uint64_t torn = state.torn_pages.count(memcg.id());
    Pass pass(state, {memcg.id().value, control.node, ShrinkerKind::kDeferredSplit}, torn,
              control.priority, kBatch);
    for (std::uint64_t batch = pass.next(); batch > 0; batch = pass.next()) {
        if (!split_oldest(state, memcg, batch)) {
            co_return;
        }
        pass.scanned(batch);
        co_await op.pause_point();
    }
}

/// super_cache_scan: of the dentries its share of the batch, and one more.
Coro<void> shrink_super_block(Engine::State& state, OpContext& op, const ScanControl& control,
                              Memcg& memcg) {
    const std::uint64_t found = count_dentries(state, memcg, control.node);
    Pass pass(state, {memcg.id().value, control.node, ShrinkerKind::kSuperBlock}, found,
              control.priority, kSuperBlockBatch);
    for (std::uint64_t batch = pass.next(); batch > 0; batch = pass.next()) {
        const std::uint64_t dentries = count_dentries(state, memcg, control.node);
        prune_dentries(state, memcg, control.node, batch * dentries / (dentries + 1) + 1);
        pass.scanned(batch);
        co_await op.pause_point();
    }
}

}  // namespace

Coro<void> shrink_slab(Engine::State& state, OpContext& op, const ScanControl& control,
                       Memcg& memcg) {
    if (!memcg.online) {
        co_return;
    }
    if (state.torn_pages.count(memcg.id()) > 0) {
        co_await split_torn_pages(state, op, control, memcg);
    }
    if (count_dentries(state, memcg, control.node) > 0) {
        co_await shrink_super_block(state, op, control, memcg);
    }
}

bool has_shrinkable(const Engine::State& state, const Memcg& memcg) {
    return memcg.online &&
           (state.torn_pages.count(memcg.id()) > 0 || state.slab.groups.contains(memcg.id().value));
}

}  // namespace memcgfs::engine
