// SPDX-License-Identifier: MIT
//
// Pages, Bytes and Nanos: quantities that do not mix by accident.
//
// All are 64-bit. Pages and Bytes are unsigned and wrap as the kernel's do; where a function
// saturates it says so. The page is 4 KiB in every profile.
#pragma once

#include <compare>
#include <cstdint>

namespace memcgfs {

inline constexpr std::uint64_t kPageSize = 4096;

template <class Tag, class Rep>
class Quantity {
public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(Rep count) : count_(count) {}

    constexpr Rep count() const { return count_; }

    constexpr auto operator<=>(const Quantity&) const = default;
    constexpr Quantity& operator+=(Quantity other) {
        count_ += other.count_;
        return *this;
    }
    constexpr Quantity& operator-=(Quantity other) {
        count_ -= other.count_;
        return *this;
    }
    friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
    friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
    friend constexpr Quantity operator*(Quantity a, Rep factor) {
        return Quantity(a.count_ * factor);
    }
    friend constexpr Quantity operator/(Quantity a, Rep divisor) {
        return Quantity(a.count_ / divisor);
    }
    friend constexpr Quantity operator>>(Quantity a, unsigned bits) {
        return Quantity(a.count_ >> bits);
    }

private:
    Rep count_ = 0;
};

struct BytesTag {};
struct PagesTag {};
struct NanosTag {};

using Bytes = Quantity<BytesTag, std::uint64_t>;
using Pages = Quantity<PagesTag, std::uint64_t>;

/// A point of the simulation's clock or a length of time, in nanoseconds.
using Nanos = Quantity<NanosTag, std::int64_t>;

/// PAGE_COUNTER_MAX (include/linux/page_counter.h, 6.1): LONG_MAX / PAGE_SIZE. "Unlimited".
inline constexpr Pages kPageCounterMax{INT64_MAX / kPageSize};

/// Whole pages of `bytes`, rounded down and capped at kPageCounterMax, as the kernel's limits do.
constexpr Pages pages_floor(Bytes bytes) {
    const Pages pages{bytes.count() / kPageSize};
    return pages > kPageCounterMax ? kPageCounterMax : pages;
}

/// Bytes of `pages`; wraps modulo 2^64 as the kernel's file contents do.
constexpr Bytes to_bytes(Pages pages) { return Bytes{pages.count() * kPageSize}; }

constexpr Nanos from_micros(std::int64_t micros) { return Nanos{micros * 1000}; }
constexpr Nanos from_millis(std::int64_t millis) { return Nanos{millis * 1'000'000}; }

}  // namespace memcgfs
