// SPDX-License-Identifier: MIT
#include "sim/checkers.h"

namespace memcgfs::test {

namespace checks {
void content(Scene& scene);
}  // namespace checks

namespace {

using namespace engine;

class Digest {
public:
    void add(std::int64_t value) {
        value_ = (value_ ^ static_cast<std::uint64_t>(value)) * 0x100000001b3ULL;
    }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace

std::uint64_t shown_by(const Engine& engine, const Memcg& memcg) {
    Digest digest;
    for (std::size_t i = 0; i < kStatItemCount; i++) {
        const auto item = static_cast<StatItem>(i);
        digest.add(memcg.stat(item));
        digest.add(memcg.stat_total(item));
        for (NodeId node = 0; is_node_item(item) && node < engine.node_count(); node++) {
            digest.add(memcg.node_stat_total(node, item));
        }
    }
    for (std::size_t list = 0; list < kLruListCount; list++) {
        for (NodeId node = 0; node < engine.node_count(); node++) {
            const Pages size = memcg.lruvec(node).size(static_cast<LruList>(list));
            digest.add(static_cast<std::int64_t>(size.count()));
        }
    }
    for (const CounterKind kind : {CounterKind::kMemory, CounterKind::kMemsw}) {
        digest.add(static_cast<std::int64_t>(engine.usage(memcg, kind).count()));
        if (!engine.memory_hierarchy().is_v2()) {  // v2's memory.stat shows no limit
            digest.add(static_cast<std::int64_t>(engine.hierarchical_limit(memcg, kind).count()));
        }
    }
    return digest.value();
}

namespace checks {

/// Nothing that a told file shows changes without a word.
void content(Scene& scene) {
    scene.state.memcgs.for_each([&](Memcg& memcg) {
        const auto before = scene.before.find(memcg.id());
        if (memcg.online && before != scene.before.end() &&
            memcg.watch(scene.state.environment.effects).armed() &&
            before->second.shown != shown_by(scene.engine, memcg)) {
            throw Violation("content", "a change that nobody was told of");
        }
    });
}

}  // namespace checks

}  // namespace memcgfs::test
