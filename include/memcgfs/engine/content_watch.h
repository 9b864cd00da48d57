// SPDX-License-Identifier: MIT
//
// Tells once that what a memcg's files of counters, limits and statistics show may have changed.
//
// Linux has no counterpart: its files are made anew at each read. Here a reader's content may be
// kept outside (fast reads), and must be thrown away in time. Nobody pays but the groups that
// somebody has read: the watch is made by the first Engine::watch_content() and emits nothing until
// it is armed. Engine lock held for everything here.
#pragma once

#include "memcgfs/engine/effect.h"
#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

class ContentWatch {
public:
    ContentWatch(EffectSink& effects, CgroupId group) : effects_(effects), group_(group) {}
    ContentWatch(const ContentWatch&) = delete;
    ContentWatch& operator=(const ContentWatch&) = delete;

    void arm() { armed_ = true; }
    bool armed() const { return armed_; }
    /// Something has changed: an effect if it is the first time since arm().
    void hit() {
        if (armed_) {
            armed_ = false;
            effects_.emit(ContentChangedEffect{group_});
        }
    }

private:
    EffectSink& effects_;
    CgroupId group_;
    bool armed_ = false;
};

}  // namespace memcgfs::engine
