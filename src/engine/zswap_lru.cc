// SPDX-License-Identifier: MIT
#include "engine/zswap_lru.h"

#include <algorithm>

namespace memcgfs::engine {

void ZswapLru::append(const Run& run) {
    size_ += run.count;
    if (!runs_.empty()) {
        Run& last = runs_.back();
        if (last.mapping == run.mapping && last.end() == run.first &&
            last.referenced == run.referenced) {
            last.count += run.count;
            return;
        }
    }
    runs_.push_back(run);
    by_page_[key(run)] = std::prev(runs_.end());
}

void ZswapLru::add(MappingId mapping, Engine::Range range) {
    append({mapping, range.first, range.count, true});
}

void ZswapLru::remove(MappingId mapping, Engine::Range range) {
    const std::uint64_t end = range.first + range.count;
    auto it = by_page_.upper_bound({mapping.value, range.first});
    if (it != by_page_.begin()) {
        const auto before = std::prev(it);
        if (before->second->mapping == mapping && before->second->end() > range.first) {
            it = before;
        }
    }
    while (it != by_page_.end() && it->second->mapping == mapping && it->second->first < end) {
        const Runs::iterator place = it->second;
        const std::uint64_t from = std::max(place->first, range.first);
        const std::uint64_t to = std::min(place->end(), end);
        size_ -= to - from;
        if (to < place->end()) {
            Run rest = *place;
            rest.count = place->end() - to;
            rest.first = to;
            by_page_[key(rest)] = runs_.insert(std::next(place), rest);
        }
        place->count = from - place->first;
        if (place->count == 0) {
            runs_.erase(place);
            it = by_page_.erase(it);
        } else {
            ++it;
        }
    }
}

std::optional<ZswapLru::Entry> ZswapLru::pop() {
    if (runs_.empty()) {
        return std::nullopt;
    }
    const Run oldest = runs_.front();
    remove(oldest.mapping, {oldest.first, 1});
    if (oldest.referenced) {
        append({oldest.mapping, oldest.first, 1, false});
        return std::nullopt;
    }
    return Entry{oldest.mapping, oldest.first};
}

void ZswapLru::take_over(ZswapLru& other) {
    runs_.splice(runs_.begin(), other.runs_);
    by_page_.merge(other.by_page_);
    size_ += std::exchange(other.size_, 0);
}

}  // namespace memcgfs::engine
