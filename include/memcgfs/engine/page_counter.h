// SPDX-License-Identifier: MIT
//
// Hierarchical page counters (mm/page_counter.c, 6.1 and 6.12; spec engine.md 1.1, 1.2).
//
// Invariants: usage is never negative; a parent's usage is its own charges plus its children's.
// A successful try_charge never leaves usage over max at any level; charge() and a lowered v2
// max may. Engine lock held for everything.
#pragma once

#include <cstdint>

#include "memcgfs/base/units.h"

namespace memcgfs::engine {

class ContentWatch;

class PageCounter {
public:
    explicit PageCounter(PageCounter* parent = nullptr) : parent_(parent) {}
    PageCounter(const PageCounter&) = delete;
    PageCounter& operator=(const PageCounter&) = delete;

    /// Adds `pages` at every level, or nothing. Returns the counter that refused (its failcnt has
    /// grown by one), or nullptr for success. Levels below the refusing one may keep a raised
    /// peak, as in the kernel.
    PageCounter* try_charge(Pages pages);
    /// Adds at every level, whatever the limits.
    void charge(Pages pages);
    /// Takes away at every level; asserts that there is enough.
    void uncharge(Pages pages);

    /// Sets the limit unless usage is above it (v1 limit files). False: nothing changed.
    bool try_set_max(Pages max);
    /// Sets the limit whatever the usage (v2).
    void set_max(Pages max) { max_ = max; }
    void set_min(Pages min);
    void set_low(Pages low);
    void set_high(Pages high) { high_ = high; }

    Pages usage() const { return usage_; }
    Pages max() const { return max_; }
    Pages min() const { return min_; }
    Pages low() const { return low_; }
    Pages high() const { return high_; }
    std::uint64_t failcnt() const { return failcnt_; }
    Pages watermark() const { return watermark_; }  ///< "peak": the highest usage seen
    PageCounter* parent() const { return parent_; }

    void reset_failcnt() { failcnt_ = 0; }
    void reset_watermark() { watermark_ = usage_; }

    /// What is left below max; 0 when at or over it.
    Pages margin() const { return usage_ < max_ ? max_ - usage_ : Pages{0}; }

    /// Changes of the usage, at this level, are told to `watch` from now on.
    void tell(ContentWatch* watch) { watch_ = watch; }

    // Effective protection, written by reclaim walks (spec 1.4).
    Pages emin{};
    Pages elow{};
    Pages children_min_usage() const { return children_min_usage_; }
    Pages children_low_usage() const { return children_low_usage_; }

private:
    friend struct EngineAccess;  // tests look inside
    void propagate();
    void changed();
    void cancel(Pages pages);

    Pages usage_{};
    Pages max_ = kPageCounterMax;
    Pages high_ = kPageCounterMax;
    Pages min_{};
    Pages low_{};
    Pages watermark_{};
    std::uint64_t failcnt_ = 0;
    Pages min_usage_{};
    Pages low_usage_{};
    Pages children_min_usage_{};
    Pages children_low_usage_{};
    PageCounter* parent_;
    ContentWatch* watch_ = nullptr;
};

}  // namespace memcgfs::engine
