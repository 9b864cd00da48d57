// SPDX-License-Identifier: MIT
//
// The only source of randomness: seeded, and the same on every platform.
//
// The generator is SplitMix64 (Steele, Lea, Flood 2014). The standard library's distributions
// differ between implementations, so ranges are ours as well.
#pragma once

#include <cstdint>

namespace memcgfs {

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31U);
    }

    /// A number in [0, bound); bound must not be 0. The modulo bias is below 2^-32 for the
    /// bounds used here (numbers of runnable threads, page counts).
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

private:
    std::uint64_t state_;
};

}  // namespace memcgfs
