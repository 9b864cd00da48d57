// SPDX-License-Identifier: MIT
//
// The numbers by which /proc names hierarchies: v1's from 1 on in the order of their making; 0 is
// v2.
#pragma once

#include "memcgfs/engine/engine.h"

namespace memcgfs::interface {

/// nullptr: no hierarchy, which counts as v2. Engine lock held.
inline unsigned hierarchy_number(const engine::Engine& engine, const engine::Hierarchy* wanted) {
    if (wanted == nullptr || wanted->is_v2()) {
        return 0;
    }
    unsigned number = 0;
    for (const engine::Hierarchy& hierarchy : engine.hierarchies()) {
        number += hierarchy.is_v2() ? 0 : 1;
        if (&hierarchy == wanted) {
            break;
        }
    }
    return number;
}

}  // namespace memcgfs::interface
