// SPDX-License-Identifier: MIT
//
// What must hold of every mapping between any two steps: its counts are those of its runs, and
// shadows are where no page is.
#include "engine/state.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

void check_shadows(const Mapping& mapping, const Extent& extent) {
    const auto shadow = mapping.shadows.next(extent.first);
    const bool swapped = extent.state.where == PageState::Where::kSwapped;
    MEMCGFS_ASSERT(swapped || !shadow || *shadow >= extent.end());
}

}  // namespace

void check_mapping(Mapping& mapping) {
    Pages resident{};
    Pages swapped{};
    std::uint64_t index = 0;
    while (const Extent* extent = mapping.next(index)) {
        MEMCGFS_ASSERT(extent->count > 0 && extent->first >= index);
        index = extent->end();
        const bool out = extent->state.where == PageState::Where::kSwapped;
        (out ? swapped : resident) += Pages{extent->count};
        MEMCGFS_ASSERT(!out || mapping.kind() != PageKind::kFile);
        check_shadows(mapping, *extent);
    }
    MEMCGFS_ASSERT(mapping.resident == resident);
    MEMCGFS_ASSERT(mapping.swapped == swapped);
}

}  // namespace memcgfs::engine
