// SPDX-License-Identifier: MIT
#include "interface/pressure_files.h"

#include "interface/services.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

constexpr std::uint32_t kWindowMinMicros = 500'000;
constexpr std::uint32_t kWindowMaxMicros = 10'000'000;
/// Those without CAP_SYS_RESOURCE may only ask for the averages' own period.
constexpr std::uint32_t kWindowUnitMicros = 2'000'000;
constexpr engine::KernelVersion kUnprivilegedTriggers{6, 1};
constexpr engine::KernelVersion kShortWindows{6, 12};

struct Trigger final : vfs::OpenState {};

struct TriggerText {
    std::uint32_t threshold_micros = 0;
    std::uint32_t window_micros = 0;
};

std::string_view without_leading_space(std::string_view text) {
    while (!text.empty() && is_kernel_space(text.front())) {
        text.remove_prefix(1);
    }
    return text;
}

/// As sscanf's "%u": skips white space; wraps at 32 bits.
Result<std::uint32_t> take_micros(std::string_view& text) {
    text = without_leading_space(text);
    const NumberPrefix number = parse_decimal_digits(text);
    if (number.length == 0) {
        return Err(Errno::kEINVAL);
    }
    text.remove_prefix(number.length);
    return static_cast<std::uint32_t>(number.value);
}

Result<TriggerText> parse_trigger(std::string_view text) {
    if (!text.starts_with("some") && !text.starts_with("full")) {
        return Err(Errno::kEINVAL);
    }
    text.remove_prefix(4);
    TriggerText trigger;
    trigger.threshold_micros = MEMCGFS_TRY(take_micros(text));
    trigger.window_micros = MEMCGFS_TRY(take_micros(text));
    return trigger;
}

}  // namespace

Result<void> show_pressure(const ShowContext&, TextBuffer& out) {
    for (const std::string_view kind : {"some", "full"}) {
        out.print("{} avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", kind);
    }
    return {};
}

Result<vfs::StoreOutcome> store_pressure_trigger(StoreContext& context, std::string_view text) {
    if (*context.state != nullptr) {
        return Err(Errno::kEBUSY);
    }
    const TriggerText trigger = MEMCGFS_TRY(parse_trigger(text));
    const std::uint32_t window = trigger.window_micros;
    const auto version = context.profile().version;
    if (window == 0 || window > kWindowMaxMicros || trigger.threshold_micros == 0 ||
        trigger.threshold_micros > window) {
        return Err(Errno::kEINVAL);
    }
    if (version < kShortWindows && window < kWindowMinMicros) {
        return Err(Errno::kEINVAL);
    }
    if (version >= kUnprivilegedTriggers && context.opener.uid != 0 &&
        window % kWindowUnitMicros != 0) {
        return Err(Errno::kEINVAL);
    }
    *context.state = std::make_unique<Trigger>();
    return done();
}

}  // namespace memcgfs::interface
