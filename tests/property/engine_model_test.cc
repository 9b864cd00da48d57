// SPDX-License-Identifier: MIT
//
// The engine against a model that knows single pages: charges with stock, failcnt, peak and
// events; and which pages of a file reclaim takes, given who read what in which order.
//
// The model is page_model.h.
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "memcgfs/base/assert.h"
#include "property/page_model.h"
#include "support/engine_access.h"

namespace memcgfs::test {
namespace {

class NoEffects final : public engine::EffectSink {
public:
    void emit(engine::Effect) override {}
};

/// A parent and two children, on the engine and in the model.
class Pair {
public:
    explicit Pair(engine::Layout layout)
        : engine({.profile = *engine::find_profile("6.1"),
                  .layout = layout,
                  .machine = {},
                  .clock = clock_,
                  .effects = effects_}) {
        engine::Cgroup* top = engine.memory_hierarchy().root;
        make(top, nullptr);
        make(engine.find(real[0]->cgroup), models[0]);
        make(engine.find(real[0]->cgroup), models[0]);
        for (const engine::Memcg* memcg : real) {
            engine::TaskInfo info;
            info.pid = 100 + static_cast<std::int32_t>(tasks.size());
            const engine::TaskId task = engine.add_task(info, {});
            // The inner group of v2 has no members.
            static_cast<void>(engine.attach_task(task, memcg->cgroup).ok());
            tasks.push_back(task);
        }
    }

    OperationResult run(engine::OperationPtr operation) {
        for (;;) {
            const Step step = operation->step();
            if (step.kind == Step::Kind::kDone) {
                return operation->result();
            }
            clock_.advance_to(step.until);
        }
    }

    void compare() {
        for (std::size_t i = 0; i < real.size(); i++) {
            const engine::Memcg& memcg = *real[i];
            const ModelGroup& should = *models[i];
            RC_ASSERT(memcg.memory.usage().count() == should.use);
            RC_ASSERT(memcg.memory.watermark().count() == should.peak);
            RC_ASSERT(memcg.memory.failcnt() == should.failcnt);
            RC_ASSERT(memcg.event_local(engine::MemcgEvent::kMax) == should.max_events);
            compare_lists(memcg, should);
        }
    }

private:
    static void compare_lists(const engine::Memcg& memcg, const ModelGroup& should) {
        const auto stat = [&](engine::StatItem item) {
            return static_cast<std::uint64_t>(memcg.stat(item));
        };
        RC_ASSERT(stat(engine::StatItem::kActiveFile) == should.active.size());
        RC_ASSERT(stat(engine::StatItem::kInactiveFile) == should.inactive.size());
        RC_ASSERT(stat(engine::StatItem::kPgscanDirect) == should.scanned);
        RC_ASSERT(stat(engine::StatItem::kPgstealDirect) == should.stolen);
        RC_ASSERT(stat(engine::StatItem::kPgactivate) == should.activated);
        RC_ASSERT(stat(engine::StatItem::kPgrefill) == should.refilled);
        RC_ASSERT(stat(engine::StatItem::kWorkingsetActivateFile) == should.activations);
    }

    void make(engine::Cgroup* parent, ModelGroup* model_parent) {
        if (parent->is_v2()) {
            MEMCGFS_ASSERT(
                engine.set_subtree_control(*parent, engine::mask_of(engine::Controller::kMemory), 0)
                    .ok());
        }
        real.push_back(engine.find(engine.create_cgroup(parent->id, "g").value())->memcg);
        models.push_back(&model.make(model_parent));
    }

    ManualClock clock_;
    NoEffects effects_;

public:
    engine::Engine engine;
    Model model;
    std::vector<engine::Memcg*> real;  ///< parent, first child, second child
    std::vector<ModelGroup*> models;
    std::vector<engine::TaskId> tasks;
};

engine::Layout some_layout() { return *rc::gen::element(engine::Layout::kV1, engine::Layout::kV2); }

constexpr std::uint64_t kHugeRegion = 1500;

/// Touches at most `pages` pages of one block of a new region, on the engine and in the model; how
/// many that charges.
std::uint64_t touch_in_both(Pair& pair, std::size_t group, engine::MappingId id,
                            std::uint64_t pages, std::uint64_t somewhere) {
    constexpr std::uint64_t kHuge = engine::kHugePages;
    const engine::Mapping& mapping = *engine::EngineAccess::state(pair.engine).mappings.find(id);
    pair.engine.advise_huge(id, engine::HugeAdvice::kHuge);
    std::uint64_t first = 0;
    bool huge = false;
    if (mapping.size > Pages{0}) {
        first = somewhere % (kHugeRegion - kHuge);
        const std::uint64_t offset = mapping.huge_offset(first);
        pages = std::min(pages, kHuge - offset);
        huge = offset <= first && first - offset + kHuge <= kHugeRegion;
    }
    RC_ASSERT(
        pair.run(pair.engine.touch(pair.tasks[group], id, {first, pages}, engine::Access::kWrite))
            .ok());
    if (huge && pair.model.charge_page(*pair.models[group], kHuge)) {
        return kHuge;
    }
    for (std::uint64_t page = 0; page < pages; page++) {
        RC_ASSERT(pair.model.charge_page(*pair.models[group]));
    }
    return pages;
}

/// A limit of the parent's or of a child's.
void limit(Pair& pair, std::size_t group, std::uint64_t pages) {
    pair.real[group]->memory.set_max(Pages{pages});
    pair.models[group]->cap = pages;
}

bool charges_are_the_models() {
    return rc::check("charges: counters, stock, failcnt and peak are the model's", [] {
        Pair pair(some_layout());
        limit(pair, 0, *rc::gen::inRange<std::uint64_t>(200, 3000));
        limit(pair, 1, *rc::gen::inRange<std::uint64_t>(100, 3000));
        struct Region {
            std::size_t group;
            engine::MappingId mapping;
            std::uint64_t pages;
        };
        std::vector<Region> regions;
        for (const auto& [which, size, free] :
             *rc::gen::container<std::vector<std::tuple<bool, std::uint16_t, std::uint8_t>>>(
                 rc::gen::arbitrary<std::tuple<bool, std::uint16_t, std::uint8_t>>())) {
            const std::size_t group = which ? 1 : 2;
            if (free % 4 == 0 && !regions.empty()) {
                const std::size_t at = free / 4 % regions.size();
                pair.engine.unmap_mapping(pair.tasks[regions[at].group], regions[at].mapping,
                                          false);
                pair.model.uncharge(*pair.models[regions[at].group], regions[at].pages);
                regions.erase(regions.begin() + static_cast<std::ptrdiff_t>(at));
                pair.compare();
                continue;
            }
            // Up to the limits and not beyond: nothing here could be reclaimed.
            std::uint64_t room = pair.models[0]->cap;
            std::uint64_t own = pair.models[1]->cap;
            for (const Region& region : regions) {
                room -= region.pages;
                own -= group == 1 && region.group == 1 ? region.pages : 0;
            }
            const std::uint64_t pages = std::min({size % 500UL, room, group == 1 ? own : room});
            if (pages == 0) {
                continue;
            }
            const bool huge = free % 4 == 1;
            const auto mapping = pair.engine.create_mapping(
                pair.tasks[group], engine::PageKind::kAnon, Pages{huge ? kHugeRegion : 0});
            regions.push_back({group, mapping, touch_in_both(pair, group, mapping, pages, size)});
            pair.compare();
        }
    });
}

bool evictions_are_the_models() {
    return rc::check("reclaim takes the model's pages, in the model's order", [] {
        Pair pair(some_layout());
        limit(pair, 0, *rc::gen::inRange<std::uint64_t>(40, 600));
        limit(pair, 1, *rc::gen::inRange<std::uint64_t>(40, 600));
        const engine::MappingId file = pair.engine.create_mapping({}, engine::PageKind::kFile);
        engine::Mapping& mapping = *engine::EngineAccess::state(pair.engine).mappings.find(file);
        for (const auto& [which, first, size] :
             *rc::gen::container<std::vector<std::tuple<bool, std::uint16_t, std::uint8_t>>>(
                 rc::gen::arbitrary<std::tuple<bool, std::uint16_t, std::uint8_t>>())) {
            const std::size_t group = which ? 1 : 2;
            const engine::Engine::Range range{first % 700UL, 1 + size % 200UL};
            RC_ASSERT(
                pair.run(pair.engine.file_io(pair.tasks[group], file, range, engine::Access::kRead))
                    .ok());
            for (std::uint64_t page = range.first; page < range.first + range.count; page++) {
                RC_ASSERT(pair.model.read(*pair.models[group], page));
            }
            std::vector<std::uint64_t> cached;
            for (const engine::Extent* extent = mapping.next(0); extent != nullptr;
                 extent = mapping.next(extent->end())) {
                for (std::uint64_t page = extent->first; page < extent->end(); page++) {
                    cached.push_back(page);
                    RC_ASSERT((extent->state.list == engine::LruList::kActiveFile) ==
                              pair.model.is_active(page));
                }
            }
            RC_ASSERT(cached == pair.model.cached_pages());
            pair.compare();
        }
    });
}

}  // namespace
}  // namespace memcgfs::test

int main() {
    bool good = memcgfs::test::charges_are_the_models();
    good = memcgfs::test::evictions_are_the_models() && good;
    return good ? 0 : 1;
}
