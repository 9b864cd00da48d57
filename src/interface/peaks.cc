// SPDX-License-Identifier: MIT
#include "interface/peaks.h"

#include <algorithm>

namespace memcgfs::interface {

struct Peaks::State final : vfs::OpenState {
    std::shared_ptr<OwnPeak> own = std::make_shared<OwnPeak>();
};

Pages Peaks::peak(const engine::Engine& engine, engine::Memcg& memcg, engine::CounterKind kind,
                  const vfs::OpenState* state) const {
    const Pages watermark = engine.counter(memcg, kind).watermark();
    if (const auto* restarted = dynamic_cast<const State*>(state)) {
        return std::max(restarted->own->value, watermark);
    }
    const auto found = records_.find({memcg.id(), kind});
    return found == records_.end() ? watermark : std::max(found->second.since_ever, watermark);
}

void Peaks::restart(const engine::Engine& engine, engine::Memcg& memcg, engine::CounterKind kind,
                    std::unique_ptr<vfs::OpenState>& state) {
    engine::PageCounter& counter = engine.counter(memcg, kind);
    Record& record = records_[{memcg.id(), kind}];
    record.since_ever = std::max(record.since_ever, counter.watermark());
    std::erase_if(record.open_files, [](const auto& open_file) { return open_file.expired(); });
    for (const auto& open_file : record.open_files) {
        if (const auto own = open_file.lock()) {
            own->value = std::max(own->value, counter.watermark());
        }
    }
    counter.reset_watermark();

    auto* restarted = dynamic_cast<State*>(state.get());
    if (restarted == nullptr) {
        auto fresh = std::make_unique<State>();
        restarted = fresh.get();
        record.open_files.push_back(restarted->own);
        state = std::move(fresh);
    }
    restarted->own->value = counter.usage();
}

void Peaks::forget(engine::MemcgId memcg) {
    std::erase_if(records_, [memcg](const auto& record) { return record.first.first == memcg; });
}

}  // namespace memcgfs::interface
