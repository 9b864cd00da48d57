// SPDX-License-Identifier: MIT
//
// Charges that go to the parent when their group is removed or emptied, as they did up to 3.18
// (mem_cgroup_reparent_charges; "rmdir() moves all pages to parent", cgroups/memory.txt).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// The parent gets the pages that the group has in memory, younger than its own. Swap slots stay,
/// and so do huge pages that are mapped in part. In a hierarchy there is always room, for the
/// parent has paid all the while; without one the parent is the root.
void reparent_charges(Engine::State& state, Memcg& memcg);

}  // namespace memcgfs::engine
