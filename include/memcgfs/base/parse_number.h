// SPDX-License-Identifier: MIT
//
// The numbers people write into kernel files, read exactly as the kernel reads them.
//
// Counterparts: memparse(), kstrtoull(), kstrtoint(), kstrtouint(), strstrip() and
// page_counter_memparse() (lib/cmdline.c, lib/kstrtox.c, mm/page_counter.c; 6.1). Every function
// is pure. Texts are what write(2) brought: unless said otherwise they may hold NUL bytes, and
// everything from the first one on does not count.
#pragma once

#include <cstdint>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"

namespace memcgfs {

/// The text up to the first NUL byte.
std::string_view until_nul(std::string_view text);

/// isspace() of the kernel: space, \t \n \v \f \r and byte 0xA0.
bool is_kernel_space(char c);

/// The text up to the first NUL byte, without white space at either end (strstrip).
std::string_view strip(std::string_view text);

/// A number at the start of a text, and where it ended.
struct NumberPrefix {
    std::uint64_t value = 0;
    std::size_t length = 0;  ///< bytes taken, suffix included; 0: there was neither
};

/// Digits, base by prefix (0x: hexadecimal, 0: octal), modulo 2^64 (simple_strtoull, base 0).
/// No sign and no leading white space.
NumberPrefix parse_digits(std::string_view text);
/// The same in decimal only.
NumberPrefix parse_decimal_digits(std::string_view text);

/// Digits as above and at most one of the suffixes k m g t p e in either case, which multiply by
/// 2^10 to 2^60 modulo 2^64. No digits count as 0.
NumberPrefix memparse(std::string_view text);

/// The value of a limit file: strip; the file's word for "no limit" (v2 "max", v1 "-1", exact;
/// empty: an empty text means it) gives kPageCounterMax, else a memparse() number of bytes that
/// must end the text, rounded down to pages and capped at kPageCounterMax. EINVAL.
Result<Pages> parse_pages(std::string_view text, std::string_view max_word);

/// A v1 "u64" file: no strip; one optional '+', base by prefix, at most one newline at the end.
/// ERANGE above 2^64-1, else EINVAL.
Result<std::uint64_t> parse_u64(std::string_view text);

/// A v1 "s64" file: no strip; one optional sign, base by prefix, at most one newline at the end.
/// ERANGE if it does not fit, else EINVAL.
Result<std::int64_t> parse_s64(std::string_view text);

/// A v2 integer file: strip; one optional sign, base by prefix. ERANGE if it does not fit, else
/// EINVAL.
Result<std::int32_t> parse_i32(std::string_view text);

/// Alibaba's wmark files: strip; one optional '+', base by prefix. ERANGE above 2^32-1, else
/// EINVAL.
Result<std::uint32_t> parse_u32(std::string_view text);

/// A process or thread id for cgroup.procs and its like: as parse_i32(), not negative, and EINVAL
/// for all that is wrong.
Result<std::int32_t> parse_pid(std::string_view text);

}  // namespace memcgfs
