// SPDX-License-Identifier: MIT
#include "memcgfs/interface/event_control.h"

#include <algorithm>
#include <array>

#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

/// Takes a decimal number off the front of `text`.
Result<std::uint32_t> take_descriptor(std::string_view& text) {
    const NumberPrefix number = parse_decimal_digits(text);
    if (number.length == 0) {
        return Err(Errno::kEINVAL);
    }
    text.remove_prefix(number.length);
    return static_cast<std::uint32_t>(number.value);
}

Result<void> check_threshold(std::string_view arguments) {
    // The kernel strips the whole command, not its last part.
    if (!arguments.empty() && is_kernel_space(arguments.front())) {
        return Err(Errno::kEINVAL);
    }
    if (const auto pages = parse_pages(arguments, "-1"); !pages.ok()) {
        return Err(pages.error());
    }
    return {};
}

Result<void> check_pressure_level(std::string_view arguments) {
    constexpr std::array<std::string_view, 3> kLevels = {"low", "medium", "critical"};
    constexpr std::array<std::string_view, 3> kModes = {"default", "hierarchy", "local"};
    const auto among = [](const auto& words, std::string_view word) {
        return std::find(words.begin(), words.end(), word) != words.end();
    };
    const std::size_t comma = arguments.find(',');
    if (!among(kLevels, arguments.substr(0, comma))) {
        return Err(Errno::kEINVAL);
    }
    if (comma == std::string_view::npos) {
        return {};
    }
    std::string_view mode = arguments.substr(comma + 1);
    mode = mode.substr(0, mode.find(','));
    if (!among(kModes, mode)) {
        return Err(Errno::kEINVAL);
    }
    return {};
}

}  // namespace

Result<EventRequest> parse_event_request(std::string_view text) {
    text = strip(text);
    EventRequest request;
    request.event_fd = MEMCGFS_TRY(take_descriptor(text));
    if (text.empty() || text.front() != ' ') {
        return Err(Errno::kEINVAL);
    }
    text.remove_prefix(1);
    request.control_fd = MEMCGFS_TRY(take_descriptor(text));
    if (text.empty()) {
        return request;
    }
    if (text.front() != ' ') {
        return Err(Errno::kEINVAL);
    }
    request.arguments = text.substr(1);
    return request;
}

Result<void> check_event_arguments(std::string_view control_file, std::string_view arguments) {
    if (control_file == "memory.usage_in_bytes" || control_file == "memory.memsw.usage_in_bytes") {
        return check_threshold(arguments);
    }
    if (control_file == "memory.pressure_level") {
        return check_pressure_level(arguments);
    }
    if (control_file == "memory.oom_control") {
        return {};
    }
    return Err(Errno::kEINVAL);
}

}  // namespace memcgfs::interface
