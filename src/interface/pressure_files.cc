// SPDX-License-Identifier: MIT
#include "interface/pressure_files.h"

#include <array>

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

/// The trigger of an open file, for as long as that is open. Without a home: of a file whose
/// pressure is not measured.
class Trigger final : public vfs::OpenState {
public:
    Trigger() = default;
    Trigger(const std::shared_ptr<TriggerHome>& home, engine::PsiTriggerId id)
        : home_(home), id_(id) {}
    ~Trigger() override {
        if (const auto home = home_.lock()) {
            const MutexLock lock(home->mutex);
            home->engine.remove_psi_trigger(id_);
        }
    }
    Trigger(const Trigger&) = delete;
    Trigger& operator=(const Trigger&) = delete;

private:
    std::weak_ptr<TriggerHome> home_;
    engine::PsiTriggerId id_;
};

struct TriggerText {
    bool full = false;
    std::uint32_t threshold_micros = 0;
    std::uint32_t window_micros = 0;
};

/// CAP_SYS_RESOURCE.
bool is_privileged(const StoreContext& context) { return context.opener.uid == 0; }

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
    TriggerText trigger;
    trigger.full = text.starts_with("full");
    text.remove_prefix(4);
    trigger.threshold_micros = MEMCGFS_TRY(take_micros(text));
    trigger.window_micros = MEMCGFS_TRY(take_micros(text));
    return trigger;
}

/// Parses and checks; EBUSY comes first.
Result<TriggerText> new_trigger(const StoreContext& context, std::string_view text) {
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
    if (version >= kUnprivilegedTriggers && !is_privileged(context) &&
        window % kWindowUnitMicros != 0) {
        return Err(Errno::kEINVAL);
    }
    return trigger;
}

void print_line(std::string_view kind, const engine::Engine::Pressure& pressure, TextBuffer& out) {
    out.print("{}", kind);
    constexpr std::array kSeconds = {10, 60, 300};
    for (std::size_t i = 0; i < kSeconds.size(); i++) {
        const std::uint64_t value = pressure.averages.values[i];
        out.print(" avg{}={}.{:02}", kSeconds[i], value / engine::kPsiFixedOne,
                  value % engine::kPsiFixedOne * 100 / engine::kPsiFixedOne);
    }
    out.print(" total={}\n", pressure.total.count() / 1000);
}

}  // namespace

Result<void> show_no_pressure(const ShowContext&, TextBuffer& out) {
    print_line("some", {}, out);
    print_line("full", {}, out);
    return {};
}

Result<void> show_memory_pressure(const ShowContext& context, TextBuffer& out) {
    using engine::PsiState;
    print_line("some", context.engine.pressure(context.group, PsiState::kSome), out);
    print_line("full", context.engine.pressure(context.group, PsiState::kFull), out);
    return {};
}

Result<vfs::StoreOutcome> store_idle_trigger(StoreContext& context, std::string_view text) {
    MEMCGFS_TRY(new_trigger(context, text));
    *context.state = std::make_unique<Trigger>();
    return done();
}

Result<vfs::StoreOutcome> store_memory_trigger(StoreContext& context, std::string_view text) {
    const TriggerText trigger = MEMCGFS_TRY(new_trigger(context, text));
    engine::PsiTriggerSpec spec;
    spec.state = trigger.full ? engine::PsiState::kFull : engine::PsiState::kSome;
    spec.threshold = from_micros(trigger.threshold_micros);
    spec.window = from_micros(trigger.window_micros);
    spec.privileged = is_privileged(context);
    spec.cookie = static_cast<std::uint64_t>(context.open);
    *context.state = std::make_unique<Trigger>(context.services.triggers,
                                               context.engine.add_psi_trigger(context.group, spec));
    return done();
}

}  // namespace memcgfs::interface
