// SPDX-License-Identifier: MIT
#include "memcgfs/base/parse_number.h"

#include <limits>

namespace memcgfs {
namespace {

constexpr unsigned kNoDigit = 99;

constexpr unsigned digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A') + 10;
    }
    return kNoDigit;
}

/// A number's base by its prefix, and the prefix's length. "0x" needs a digit after it to be one.
struct Base {
    unsigned base = 10;
    std::size_t prefix_length = 0;
};

Base guess_base(std::string_view text) {
    if (text.empty() || text[0] != '0') {
        return {10, 0};
    }
    const bool has_x = text.size() > 2 && (text[1] == 'x' || text[1] == 'X');
    return has_x && digit_value(text[2]) < 16 ? Base{16, 2} : Base{8, 0};
}

struct Digits {
    NumberPrefix number;
    bool overflow = false;
};

Digits read_digits(std::string_view text, Base base) {
    Digits result;
    std::size_t at = base.prefix_length;
    for (; at < text.size() && digit_value(text[at]) < base.base; ++at) {
        const std::uint64_t digit = digit_value(text[at]);
        constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
        if (result.number.value > (kMax - digit) / base.base) {
            result.overflow = true;
        }
        result.number.value = result.number.value * base.base + digit;
    }
    result.number.length = at > base.prefix_length ? at : 0;
    return result;
}

/// Digits to the end of the text, but for one newline (_kstrtoull, base 0; no sign).
Result<std::uint64_t> parse_whole(std::string_view text) {
    const Digits digits = read_digits(text, guess_base(text));
    if (digits.overflow) {
        return Err(Errno::kERANGE);
    }
    std::string_view rest = text.substr(digits.number.length);
    if (!rest.empty() && rest.front() == '\n') {
        rest.remove_prefix(1);
    }
    if (digits.number.length == 0 || !rest.empty()) {
        return Err(Errno::kEINVAL);
    }
    return digits.number.value;
}

Result<std::uint64_t> parse_unsigned(std::string_view text) {
    if (!text.empty() && text.front() == '+') {
        text.remove_prefix(1);
    }
    return parse_whole(text);
}

/// A number of so many bits beside the sign.
Result<std::int64_t> parse_signed(std::string_view text, unsigned bits) {
    const bool negative = !text.empty() && text.front() == '-';
    const std::uint64_t magnitude =
        MEMCGFS_TRY(negative ? parse_whole(text.substr(1)) : parse_unsigned(text));
    const std::uint64_t limit = std::uint64_t{1} << bits;
    if (magnitude > (negative ? limit : limit - 1)) {
        return Err(Errno::kERANGE);
    }
    return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

unsigned suffix_shift(char c) {
    switch (c) {
        case 'k':
        case 'K':
            return 10;
        case 'm':
        case 'M':
            return 20;
        case 'g':
        case 'G':
            return 30;
        case 't':
        case 'T':
            return 40;
        case 'p':
        case 'P':
            return 50;
        case 'e':
        case 'E':
            return 60;
        default:
            return 0;
    }
}

}  // namespace

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

bool is_kernel_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || static_cast<unsigned char>(c) == 0xA0;
}

std::string_view strip(std::string_view text) {
    text = until_nul(text);
    while (!text.empty() && is_kernel_space(text.back())) {
        text.remove_suffix(1);
    }
    while (!text.empty() && is_kernel_space(text.front())) {
        text.remove_prefix(1);
    }
    return text;
}

NumberPrefix parse_digits(std::string_view text) {
    text = until_nul(text);
    return read_digits(text, guess_base(text)).number;
}

NumberPrefix parse_decimal_digits(std::string_view text) {
    return read_digits(until_nul(text), Base{10, 0}).number;
}

NumberPrefix memparse(std::string_view text) {
    text = until_nul(text);
    NumberPrefix number = parse_digits(text);
    if (number.length < text.size()) {
        const unsigned shift = suffix_shift(text[number.length]);
        if (shift != 0) {
            number.value <<= shift;
            number.length++;
        }
    }
    return number;
}

Result<Pages> parse_pages(std::string_view text, std::string_view max_word) {
    text = strip(text);
    if (text == max_word) {
        return kPageCounterMax;
    }
    const NumberPrefix number = memparse(text);
    if (number.length != text.size()) {
        return Err(Errno::kEINVAL);
    }
    return pages_floor(Bytes{number.value});
}

Result<std::uint64_t> parse_u64(std::string_view text) { return parse_unsigned(until_nul(text)); }

Result<std::int64_t> parse_s64(std::string_view text) { return parse_signed(until_nul(text), 63); }

Result<std::int32_t> parse_i32(std::string_view text) {
    return static_cast<std::int32_t>(MEMCGFS_TRY(parse_signed(strip(text), 31)));
}

Result<std::uint32_t> parse_u32(std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_unsigned(strip(text)));
    if (value > std::numeric_limits<std::uint32_t>::max()) {
        return Err(Errno::kERANGE);
    }
    return static_cast<std::uint32_t>(value);
}

Result<std::int32_t> parse_pid(std::string_view text) {
    const auto pid = parse_i32(text);
    if (!pid.ok() || *pid < 0) {
        return Err(Errno::kEINVAL);
    }
    return *pid;
}

}  // namespace memcgfs
