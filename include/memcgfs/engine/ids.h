// SPDX-License-Identifier: MIT
//
// Names for the engine's objects. Ids, not pointers, leave the engine.
#pragma once

#include <cstdint>

#include "memcgfs/base/slot_map.h"

namespace memcgfs::engine {

struct CgroupTag {};
struct MemcgTag {};
struct TaskTag {};
struct MappingTag {};
struct KernelObjectTag {};
struct EventTag {};
struct PsiTriggerTag {};

using CgroupId = Id<CgroupTag>;
using MemcgId = Id<MemcgTag>;
using TaskId = Id<TaskTag>;
using MappingId = Id<MappingTag>;
using KernelObjectId = Id<KernelObjectTag>;
using PsiTriggerId = Id<PsiTriggerTag>;
using EventId = Id<EventTag>;  ///< a registration in cgroup.event_control

/// A node's number on the machine, from 0.
using NodeId = std::uint8_t;

/// A bit for each node.
using NodeMask = std::uint64_t;

/// The kinds of zones of a node, lowest first.
enum class ZoneType : std::uint8_t { kDma, kDma32, kNormal, kMovable, kCount };
inline constexpr std::size_t kZoneTypeCount = static_cast<std::size_t>(ZoneType::kCount);

}  // namespace memcgfs::engine
