// SPDX-License-Identifier: MIT
#include "memcgfs/engine/page_counter.h"

#include <algorithm>

#include "memcgfs/base/assert.h"
#include "memcgfs/engine/content_watch.h"

namespace memcgfs::engine {

PageCounter* PageCounter::try_charge(Pages pages) {
    for (PageCounter* level = this; level != nullptr; level = level->parent_) {
        level->usage_ += pages;
        if (level->usage_ > level->max_) {
            level->usage_ -= pages;
            level->failcnt_++;
            for (PageCounter* below = this; below != level; below = below->parent_) {
                below->cancel(pages);
            }
            return level;
        }
        level->changed();
        level->watermark_ = std::max(level->watermark_, level->usage_);
    }
    return nullptr;
}

void PageCounter::charge(Pages pages) {
    for (PageCounter* level = this; level != nullptr; level = level->parent_) {
        level->usage_ += pages;
        level->changed();
        level->watermark_ = std::max(level->watermark_, level->usage_);
    }
}

void PageCounter::uncharge(Pages pages) {
    for (PageCounter* level = this; level != nullptr; level = level->parent_) {
        level->cancel(pages);
    }
}

void PageCounter::cancel(Pages pages) {
    MEMCGFS_ASSERT(usage_ >= pages);
    usage_ -= pages;
    changed();
}

void PageCounter::changed() {
    propagate();
    if (watch_ != nullptr) {
        watch_->hit();
    }
}

bool PageCounter::try_set_max(Pages max) {
    if (usage_ > max) {
        return false;
    }
    max_ = max;
    return true;
}

void PageCounter::set_min(Pages min) {
    min_ = min;
    for (PageCounter* level = this; level != nullptr; level = level->parent_) {
        level->propagate();
    }
}

void PageCounter::set_low(Pages low) {
    low_ = low;
    for (PageCounter* level = this; level != nullptr; level = level->parent_) {
        level->propagate();
    }
}

void PageCounter::propagate() {
    if (parent_ == nullptr) {
        return;
    }
    const Pages min_usage = std::min(usage_, min_);
    if (min_usage != min_usage_) {
        parent_->children_min_usage_ += min_usage - min_usage_;
        min_usage_ = min_usage;
    }
    const Pages low_usage = std::min(usage_, low_);
    if (low_usage != low_usage_) {
        parent_->children_low_usage_ += low_usage - low_usage_;
        low_usage_ = low_usage;
    }
}

}  // namespace memcgfs::engine
