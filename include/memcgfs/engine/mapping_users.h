// SPDX-License-Identifier: MIT
//
// Who maps a region, as bits: so that a run of pages can say which of its users have it in their
// page tables and which have used it. Seven users are told apart; all others share a bit, which
// then counts as one user. Engine lock held for everything.
#pragma once

#include <array>
#include <cstdint>

#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

class MappingUsers {
public:
    static constexpr std::uint8_t kOthers = 1U << 7U;

    /// A task has mapped the region.
    void add(TaskId task);
    /// It has given it up: the bit that no user has any more, or 0.
    std::uint8_t remove(TaskId task);
    /// A task's bit; kOthers for one that is not known.
    std::uint8_t bit(TaskId task) const;
    /// The bits of all users; 0 if there are none.
    std::uint8_t all() const;
    /// The bits of the users that `matches` says yes to; kOthers always does.
    template <class Matches>
    std::uint8_t bits_of(Matches matches) const {
        std::uint8_t bits = kOthers;
        for (std::size_t slot = 0; slot < tasks_.size(); slot++) {
            if (tasks_[slot] && matches(tasks_[slot])) {
                bits = static_cast<std::uint8_t>(bits | 1U << slot);
            }
        }
        return bits;
    }

private:
    std::array<TaskId, 7> tasks_{};
    std::uint32_t others_ = 0;
};

}  // namespace memcgfs::engine
