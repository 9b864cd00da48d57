// SPDX-License-Identifier: MIT
#include "memcgfs/engine/shadow.h"

#include <iterator>

#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

bool continues(const ShadowRun& before, const ShadowRun& run) {
    return before.end() == run.first && before.evictor == run.evictor && before.node == run.node &&
           before.age + before.count == run.age && before.workingset == run.workingset;
}

ShadowRun from(const ShadowRun& run, std::uint64_t index) {
    ShadowRun part = run;
    part.first = index;
    part.count = run.end() - index;
    part.age = run.age + (index - run.first);
    return part;
}

}  // namespace

void ShadowMap::put(const ShadowRun& run) {
    MEMCGFS_ASSERT(run.count > 0);
    const auto after = runs_.lower_bound(run.first);
    MEMCGFS_ASSERT(after == runs_.end() || after->first >= run.end());
    if (after != runs_.begin()) {
        ShadowRun& before = std::prev(after)->second;
        MEMCGFS_ASSERT(before.end() <= run.first);
        if (continues(before, run)) {
            before.count += run.count;
            return;
        }
    }
    runs_.emplace_hint(after, run.first, run);
}

std::optional<ShadowRun> ShadowMap::at(std::uint64_t index) const {
    auto it = runs_.upper_bound(index);
    if (it == runs_.begin() || std::prev(it)->second.end() <= index) {
        return std::nullopt;
    }
    return from(std::prev(it)->second, index);
}

std::optional<std::uint64_t> ShadowMap::next(std::uint64_t index) const {
    if (at(index)) {
        return index;
    }
    const auto it = runs_.lower_bound(index);
    return it != runs_.end() ? std::optional(it->first) : std::nullopt;
}

void ShadowMap::erase(std::uint64_t first, std::uint64_t count) {
    const std::uint64_t end = first + count;
    auto it = runs_.upper_bound(first);
    if (it != runs_.begin() && std::prev(it)->second.end() > first) {
        --it;
    }
    while (it != runs_.end() && it->first < end) {
        const ShadowRun run = it->second;
        it = runs_.erase(it);
        if (run.end() > end) {
            it = runs_.emplace_hint(it, end, from(run, end));
        }
        if (run.first < first) {
            ShadowRun kept = run;
            kept.count = first - run.first;
            runs_.emplace(kept.first, kept);
        }
    }
}

}  // namespace memcgfs::engine
