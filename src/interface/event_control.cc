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

Result<engine::EventSpec> parse_threshold(std::string_view arguments, bool memsw) {
    // The kernel strips the whole command, not its last part.
    if (!arguments.empty() && is_kernel_space(arguments.front())) {
        return Err(Errno::kEINVAL);
    }
    const Pages pages = MEMCGFS_TRY(parse_pages(arguments, "-1"));
    return engine::EventSpec(engine::UsageEvent{memsw, pages});
}

/// The place of `word` in `words`.
template <class Enum, std::size_t kCount>
Result<Enum> one_of(const std::array<std::string_view, kCount>& words, std::string_view word) {
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) {
        return Err(Errno::kEINVAL);
    }
    return static_cast<Enum>(found - words.begin());
}

Result<engine::EventSpec> parse_pressure_level(std::string_view arguments) {
    constexpr std::array<std::string_view, 3> kLevels = {"low", "medium", "critical"};
    constexpr std::array<std::string_view, 3> kModes = {"default", "hierarchy", "local"};
    constexpr std::size_t kLookedAt = 19;  // MAX_VMPRESSURE_ARGS_LEN
    arguments = arguments.substr(0, kLookedAt);
    const std::size_t comma = arguments.find(',');
    engine::PressureEvent event;
    event.level = MEMCGFS_TRY(one_of<engine::PressureLevel>(kLevels, arguments.substr(0, comma)));
    if (comma != std::string_view::npos) {
        std::string_view mode = arguments.substr(comma + 1);
        mode = mode.substr(0, mode.find(','));
        event.mode = MEMCGFS_TRY(one_of<engine::PressureMode>(kModes, mode));
    }
    return engine::EventSpec(event);
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

Result<engine::EventSpec> parse_event_arguments(std::string_view control_file,
                                                std::string_view arguments) {
    if (control_file == "memory.usage_in_bytes" || control_file == "memory.memsw.usage_in_bytes") {
        return parse_threshold(arguments, control_file == "memory.memsw.usage_in_bytes");
    }
    if (control_file == "memory.pressure_level") {
        return parse_pressure_level(arguments);
    }
    if (control_file == "memory.oom_control") {
        return engine::EventSpec(engine::OomEvent{});
    }
    return Err(Errno::kEINVAL);
}

}  // namespace memcgfs::interface
