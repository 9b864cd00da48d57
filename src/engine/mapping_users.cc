// SPDX-License-Identifier: MIT
#include "memcgfs/engine/mapping_users.h"

#include <algorithm>

namespace memcgfs::engine {

void MappingUsers::add(TaskId task) {
    const auto free = std::find(tasks_.begin(), tasks_.end(), TaskId{});
    if (free != tasks_.end()) {
        *free = task;
    } else {
        others_++;
    }
}

std::uint8_t MappingUsers::remove(TaskId task) {
    const std::uint8_t removed = bit(task);
    if (removed != kOthers) {
        *std::find(tasks_.begin(), tasks_.end(), task) = {};
        return removed;
    }
    return others_ == 0 || --others_ == 0 ? kOthers : std::uint8_t{0};
}

std::uint8_t MappingUsers::all() const {
    const std::uint8_t told_apart =
        static_cast<std::uint8_t>(bits_of([](TaskId) { return true; }) & ~kOthers);
    return static_cast<std::uint8_t>(told_apart | (others_ > 0 ? kOthers : 0));
}

std::uint8_t MappingUsers::bit(TaskId task) const {
    const auto found = std::find(tasks_.begin(), tasks_.end(), task);
    if (!task || found == tasks_.end()) {
        return kOthers;
    }
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(found - tasks_.begin()));
}

}  // namespace memcgfs::engine
