// SPDX-License-Identifier: MIT
//
// Alibaba's memcg latency statistics ("memsli"): how long direct reclaim made tasks wait.
//
// Source: Alibaba's 4.19 and 5.10 kernels and their documents, restated in spec alibaba-wmark.md
// 6.4. A millisecond here is 2^20 ns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "memcgfs/base/units.h"

namespace memcgfs::engine {

class LatencyHistogram {
public:
    /// Upper ends of the buckets in ms, exclusive; the last bucket has none.
    static constexpr std::array<std::int64_t, 6> kBounds{1, 5, 10, 100, 500, 1000};
    static constexpr std::size_t kBuckets = kBounds.size() + 1;

    /// `count` samples of the same length.
    void add(Nanos length, std::uint64_t count = 1) {
        const std::int64_t millis = length.count() >> 20U;
        std::size_t bucket = 0;
        while (bucket < kBounds.size() && millis >= kBounds[bucket]) {
            bucket++;
        }
        if (sums_ == nullptr) {
            sums_ = std::make_unique<Sums>();
        }
        sums_->buckets[bucket] += count;
        sums_->total += length * static_cast<std::int64_t>(count);
    }
    std::uint64_t bucket(std::size_t index) const {
        return sums_ != nullptr ? sums_->buckets[index] : 0;
    }
    std::int64_t total_millis() const {
        return sums_ != nullptr ? sums_->total.count() >> 20U : 0;
    }

private:
    struct Sums {
        std::array<std::uint64_t, kBuckets> buckets{};
        Nanos total{};
    };
    std::unique_ptr<Sums> sums_;  ///< made by the first sample: most groups never have one
};

}  // namespace memcgfs::engine
