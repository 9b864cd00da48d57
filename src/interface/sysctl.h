// SPDX-License-Identifier: MIT
//
// Numbers in /proc/sys as the kernel reads them (kernel/sysctl.c, 6.1 and 6.12; recorded in
// tests/unit/interface/recorded/proc-grammar-*). Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::interface {

struct SysctlNumber {
    bool negative = false;
    std::uint64_t magnitude = 0;
};

/// What was read of a text, from the left until something was wrong or enough was there.
struct SysctlText {
    std::vector<SysctlNumber> numbers;
    bool failed = false;           ///< something was wrong behind the numbers
    std::size_t unread_bytes = 0;  ///< behind the numbers and white space
};

/// At most `most` numbers, apart by blanks, tabs and newlines. White space may come before them and
/// behind the last. Base by prefix, a '-' but no '+', at most 20 characters, NUL is no end.
SysctlText parse_sysctl(std::string_view text, std::size_t most);

struct SysctlRange {
    std::int64_t min = INT32_MIN;
    std::int64_t max = INT32_MAX;
};

struct SysctlValue {
    std::uint64_t value = 0;  ///< of an int, its two's complement
    std::size_t unread_bytes = 0;
};

/// One int (proc_dointvec_minmax). EINVAL for all that is wrong.
Result<SysctlValue> parse_sysctl_int(std::string_view text, SysctlRange range);
/// One unsigned long (proc_doulongvec_minmax) of at least `min`. EINVAL for all that is wrong.
Result<SysctlValue> parse_sysctl_unsigned(std::string_view text, std::uint64_t min);

}  // namespace memcgfs::interface
