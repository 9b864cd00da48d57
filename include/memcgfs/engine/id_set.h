// SPDX-License-Identifier: MIT
//
// A set of CPU or node numbers in the kernel's list form, "0-2,5" (bitmap_parselist, 6.1). A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::engine {

class IdSet {
public:
    IdSet() = default;
    /// 0 to count - 1.
    static IdSet first(std::uint32_t count);
    /// Numbers, ranges, ranges with a pattern ("0-7:1/2": 1 of each 2) and "all", between commas or
    /// white space; N is the last number. `count` is how many there are. EINVAL: not of that form;
    /// ERANGE: a number that is not below it; EOVERFLOW: one of more than 32 bits.
    static Result<IdSet> parse(std::string_view text, std::uint32_t count);

    bool empty() const { return ids_.empty(); }
    std::size_t size() const { return ids_.size(); }
    const std::vector<std::uint32_t>& ids() const { return ids_; }  ///< ascending
    bool includes(const IdSet& other) const;
    bool intersects(const IdSet& other) const;
    IdSet operator&(const IdSet& other) const;
    IdSet operator|(const IdSet& other) const;
    IdSet operator-(const IdSet& other) const;
    bool operator==(const IdSet&) const = default;
    std::string text() const;

private:
    std::vector<std::uint32_t> ids_;
};

}  // namespace memcgfs::engine
