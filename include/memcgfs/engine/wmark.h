// SPDX-License-Identifier: MIT
//
// Alibaba Cloud Linux's per-memcg background reclaim watermarks: the arithmetic.
//
// Source: Alibaba's 4.19 and 5.10 kernels and their documents, restated in spec
// alibaba-wmark.md 2.1. The trigger and the worker are in charge.cc and wmark.cc.
#pragma once

#include <cstdint>

#include "memcgfs/base/operation.h"
#include "memcgfs/base/units.h"

namespace memcgfs::engine {

inline constexpr std::uint32_t kWmarkScaleFactorDefault = 50;

struct WmarkLevels {
    Pages high = kPageCounterMax;
    Pages low = kPageCounterMax;
};

struct WmarkInput {
    Pages max = kPageCounterMax;
    Pages high = kPageCounterMax;
    std::uint32_t ratio_percent = 0;  ///< 0..100, 0 turns the feature off
    std::uint32_t scale_factor = 0;   ///< 1/10000 of the base
};

/// The two levels, in pages. low wraps modulo 2^64 where the gap is larger than high, as on a
/// real kernel (spec 2.5): the worker then finds usage below low and never reclaims.
WmarkLevels compute_wmark(const WmarkInput& input);

struct WmarkState {
    std::uint32_t ratio_percent = 0;
    std::uint32_t scale_factor = 0;  ///< the root's; other groups start at their parent's or 50
    WmarkLevels levels;
    bool pending = false;  ///< work queued and not yet begun
    bool running = false;
    std::uint64_t runs = 0;  ///< times the worker found work to do
    Nanos reclaim_time{};    ///< exstat wmark_reclaim_work, this group and below
};

}  // namespace memcgfs::engine
