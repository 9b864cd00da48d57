// SPDX-License-Identifier: MIT
//
// Objects by id, where a stale id is recognised: slot index and generation in 64 bits.
//
// Objects keep their address for life. Iteration is in slot order, which does not depend on
// addresses. Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "memcgfs/base/assert.h"

namespace memcgfs {

/// An id for objects of kind Tag. Default constructed: none. Never equal to an id given before.
template <class Tag>
struct Id {
    std::uint64_t value = 0;
    constexpr explicit operator bool() const { return value != 0; }
    constexpr auto operator<=>(const Id&) const = default;
};

template <class T, class Tag>
class SlotMap {
public:
    using IdType = Id<Tag>;

    /// Makes a T; its constructor gets the new id first, then `args`.
    template <class... Args>
    T& emplace(Args&&... args) {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(slots_.size()));
            slots_.emplace_back();
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        Slot& slot = slots_[index];
        slot.generation++;
        slot.object = std::make_unique<T>(id_of(index), std::forward<Args>(args)...);
        size_++;
        return *slot.object;
    }

    /// The object, or nullptr if the id is none, stale or foreign.
    T* find(IdType id) const {
        const std::uint64_t index = (id.value & 0xFFFFFFFFU) - 1;
        if (index >= slots_.size() || slots_[index].generation != id.value >> 32U) {
            return nullptr;
        }
        return slots_[index].object.get();
    }

    void erase(IdType id) {
        MEMCGFS_ASSERT(find(id) != nullptr);
        const auto index = static_cast<std::uint32_t>((id.value & 0xFFFFFFFFU) - 1);
        slots_[index].object.reset();
        free_.push_back(index);
        size_--;
    }

    std::size_t size() const { return size_; }

    template <class Visit>
    void for_each(Visit visit) const {
        for (const Slot& slot : slots_) {
            if (slot.object != nullptr) {
                visit(*slot.object);
            }
        }
    }

private:
    struct Slot {
        std::uint32_t generation = 0;
        std::unique_ptr<T> object;
    };
    IdType id_of(std::uint32_t index) const {
        return IdType{(static_cast<std::uint64_t>(slots_[index].generation) << 32U) |
                      (static_cast<std::uint64_t>(index) + 1)};
    }

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
};

}  // namespace memcgfs
