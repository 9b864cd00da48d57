// SPDX-License-Identifier: MIT
#include "cli/size.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace memcgfs::cli {

std::optional<Bytes> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const char* const text_end = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), text_end, number);
    if (error != std::errc{} || text_end - end > 1) {
        return std::nullopt;
    }
    if (end != text_end) {
        constexpr std::string_view kSuffixes = "KMGT";
        const std::size_t place =
            kSuffixes.find(static_cast<char>(std::toupper(static_cast<unsigned char>(*end))));
        if (place == std::string_view::npos) {
            return std::nullopt;
        }
        const auto shift = static_cast<unsigned>(10 * (place + 1));
        if (number > (static_cast<std::uint64_t>(INT64_MAX) >> shift)) {
            return std::nullopt;
        }
        number <<= shift;
    }
    if (number > static_cast<std::uint64_t>(INT64_MAX)) {
        return std::nullopt;
    }
    return Bytes{number};
}

std::string size_text(Bytes size) {
    constexpr std::array kUnits{"", "K", "M", "G", "T", "P", "E"};
    auto number = static_cast<double>(size.count());
    std::size_t unit = 0;
    for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) {
        number /= 1024;
    }
    const bool whole = unit == 0 || number >= 1000;
    return fmt::format("{:.{}f}{}", number, whole ? 0 : 1, kUnits[unit]);
}

}  // namespace memcgfs::cli
