// SPDX-License-Identifier: MIT
#include "memcgfs/engine/id_set.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "memcgfs/base/parse_number.h"

namespace memcgfs::engine {

namespace {

/// A decimal number at the start, or N for `last`, taken off (bitmap_getnum).
Result<std::uint32_t> take_number(std::string_view& text, std::uint32_t last) {
    if (text.starts_with('N')) {
        text.remove_prefix(1);
        return last;
    }
    const NumberPrefix number = parse_decimal_digits(text);
    if (number.length == 0) {
        return Err(Errno::kEINVAL);
    }
    constexpr std::size_t kDigitsMax = 10;  // of 32 bits, after zeros
    const std::size_t zeros = std::min(text.find_first_not_of('0'), number.length);
    if (number.length - zeros > kDigitsMax || number.value > UINT32_MAX) {
        return Err(Errno::kEOVERFLOW);
    }
    text.remove_prefix(number.length);
    return static_cast<std::uint32_t>(number.value);
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

struct Region {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::uint32_t used = 1;
    std::uint32_t group = 1;
};

bool ends_region(std::string_view text) {
    return text.empty() || text.front() == ',' || is_kernel_space(text.front());
}

/// "all" in any case, taken off.
bool take_all(std::string_view& text) {
    constexpr std::string_view kAll = "all";
    const bool is_all = text.size() >= kAll.size() &&
                        std::equal(kAll.begin(), kAll.end(), text.begin(), [](char want, char c) {
                            return want == c || want - 'a' + 'A' == c;
                        });
    if (is_all) {
        text.remove_prefix(kAll.size());
    }
    return is_all;
}

Result<Region> take_region(std::string_view& text, std::uint32_t count) {
    Region region;
    if (take_all(text)) {
        region.last = count - 1;
    } else {
        region.first = MEMCGFS_TRY(take_number(text, count - 1));
        region.last = region.first;
        if (!ends_region(text)) {
            if (!take(text, '-')) {
                return Err(Errno::kEINVAL);
            }
            region.last = MEMCGFS_TRY(take_number(text, count - 1));
        }
    }
    if (ends_region(text)) {
        // Without a pattern all up to the last is one group, of which all is used. Its length has
        // 32 bits: after the greatest number it is 0, and no group is empty.
        region.used = region.group = region.last + 1;
        return region;
    }
    if (!take(text, ':')) {
        return Err(Errno::kEINVAL);
    }
    region.used = MEMCGFS_TRY(take_number(text, count - 1));
    if (!take(text, '/')) {
        return Err(Errno::kEINVAL);
    }
    region.group = MEMCGFS_TRY(take_number(text, count - 1));
    return ends_region(text) ? Result<Region>(region) : Err(Errno::kEINVAL);
}

}  // namespace

IdSet IdSet::first(std::uint32_t count) {
    IdSet set;
    for (std::uint32_t id = 0; id < count; id++) {
        set.ids_.push_back(id);
    }
    return set;
}

Result<IdSet> IdSet::parse(std::string_view text, std::uint32_t count) {
    text = until_nul(text);
    IdSet set;
    for (;;) {
        while (!text.empty() && (text.front() == ',' || is_kernel_space(text.front()))) {
            text.remove_prefix(1);
        }
        if (text.empty()) {
            return set;
        }
        const Region region = MEMCGFS_TRY(take_region(text, count));
        if (region.first > region.last || region.group == 0 || region.used > region.group) {
            return Err(Errno::kEINVAL);
        }
        if (region.last >= count) {
            return Err(Errno::kERANGE);
        }
        IdSet part;
        for (std::uint32_t id = region.first; id <= region.last; id++) {
            if ((id - region.first) % region.group < region.used) {
                part.ids_.push_back(id);
            }
        }
        set = set | part;
    }
}

bool IdSet::includes(const IdSet& other) const {
    return std::includes(ids_.begin(), ids_.end(), other.ids_.begin(), other.ids_.end());
}

bool IdSet::intersects(const IdSet& other) const { return !(*this & other).empty(); }

IdSet IdSet::operator&(const IdSet& other) const {
    IdSet set;
    std::set_intersection(ids_.begin(), ids_.end(), other.ids_.begin(), other.ids_.end(),
                          std::back_inserter(set.ids_));
    return set;
}

IdSet IdSet::operator|(const IdSet& other) const {
    IdSet set;
    std::set_union(ids_.begin(), ids_.end(), other.ids_.begin(), other.ids_.end(),
                   std::back_inserter(set.ids_));
    return set;
}

IdSet IdSet::operator-(const IdSet& other) const {
    IdSet set;
    std::set_difference(ids_.begin(), ids_.end(), other.ids_.begin(), other.ids_.end(),
                        std::back_inserter(set.ids_));
    return set;
}

std::string IdSet::text() const {
    std::string text;
    for (std::size_t i = 0; i < ids_.size();) {
        std::size_t end = i + 1;
        while (end < ids_.size() && ids_[end] == ids_[end - 1] + 1) {
            end++;
        }
        text += (text.empty() ? "" : ",") + std::to_string(ids_[i]);
        if (end - i > 1) {
            text += "-" + std::to_string(ids_[end - 1]);
        }
        i = end;
    }
    return text;
}

}  // namespace memcgfs::engine
