// SPDX-License-Identifier: MIT
#include "interface/sysctl.h"

#include <algorithm>
#include <limits>

#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

constexpr std::size_t kTextMost = 4095;  ///< what is behind a page is not looked at
constexpr std::size_t kNumberMost = 20;  ///< characters, with the sign
constexpr std::string_view kBetween = " \t\n";

void skip_space(std::string_view& text) {
    while (!text.empty() && is_kernel_space(text.front())) {
        text.remove_prefix(1);
    }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// False for more than 64 bits, where parse_digits() wraps. Of kNumberMost octal digits none is
/// that large.
bool fits(std::string_view digits) {
    constexpr std::string_view kMost = "18446744073709551615";
    constexpr std::size_t kHexMost = 18;  // with the prefix
    if (digits.front() == '0') {
        return digits.size() <= kHexMost || is_digit(digits[1]);
    }
    return digits.size() < kMost.size() || digits <= kMost;
}

/// A number and the character behind it, which is one of kBetween or the end.
bool take_number(std::string_view& text, SysctlNumber& number) {
    std::string_view rest = text;
    number.negative = rest.size() > 1 && rest.front() == '-';
    rest.remove_prefix(number.negative ? 1 : 0);
    if (rest.empty() || !is_digit(rest.front())) {
        return false;
    }
    const NumberPrefix digits = parse_digits(rest);
    const std::size_t length = digits.length + (number.negative ? 1 : 0);
    if (length > kNumberMost || !fits(rest.substr(0, digits.length))) {
        return false;
    }
    rest.remove_prefix(digits.length);
    if (!rest.empty() && kBetween.find(rest.front()) == std::string_view::npos) {
        return false;
    }
    number.magnitude = digits.value;
    text = rest;
    return true;
}

Result<SysctlText> parse_one(std::string_view text) {
    SysctlText parsed = parse_sysctl(text, 1);
    if (parsed.numbers.empty()) {
        return Err(Errno::kEINVAL);
    }
    return parsed;
}

}  // namespace

SysctlText parse_sysctl(std::string_view text, std::size_t most) {
    SysctlText parsed;
    std::string_view rest = text.substr(0, kTextMost);
    while (parsed.numbers.size() < most) {
        skip_space(rest);
        if (rest.empty()) {
            break;
        }
        SysctlNumber number;
        if (!take_number(rest, number)) {
            parsed.failed = true;
            break;
        }
        parsed.numbers.push_back(number);
    }
    if (!parsed.failed) {
        skip_space(rest);
    }
    parsed.unread_bytes = parsed.numbers.empty() ? 0 : rest.size();
    return parsed;
}

Result<SysctlValue> parse_sysctl_int(std::string_view text, SysctlRange range) {
    const SysctlText parsed = MEMCGFS_TRY(parse_one(text));
    const SysctlNumber number = parsed.numbers.front();
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
    if (number.magnitude > kMost + (number.negative ? 1 : 0)) {
        return Err(Errno::kEINVAL);
    }
    const auto magnitude = static_cast<std::int64_t>(number.magnitude);
    const std::int64_t value = number.negative ? -magnitude : magnitude;
    if (value < range.min || value > range.max) {
        return Err(Errno::kEINVAL);
    }
    return SysctlValue{static_cast<std::uint64_t>(value), parsed.unread_bytes};
}

Result<SysctlValue> parse_sysctl_unsigned(std::string_view text, std::uint64_t min) {
    const SysctlText parsed = MEMCGFS_TRY(parse_one(text));
    const SysctlNumber number = parsed.numbers.front();
    if (number.negative || number.magnitude < min) {
        return Err(Errno::kEINVAL);
    }
    return SysctlValue{number.magnitude, parsed.unread_bytes};
}

}  // namespace memcgfs::interface
