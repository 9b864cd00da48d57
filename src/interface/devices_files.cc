// SPDX-License-Identifier: MIT
//
// Files of the v1 devices controller (security/device_cgroup.c).
#include <algorithm>
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::DeviceRule;

/// "*" or at most eleven digits.
Result<std::uint32_t> take_device_number(std::string_view& text) {
    if (text.starts_with('*')) {
        text.remove_prefix(1);
        return DeviceRule::kAny;
    }
    constexpr std::size_t kDigitsMax = 11;
    const auto end =
        std::find_if_not(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const auto length = std::min(static_cast<std::size_t>(end - text.begin()), kDigitsMax);
    const auto number = parse_u32(text.substr(0, length));
    if (length == 0 || !number.ok()) {
        return Err(Errno::kEINVAL);
    }
    text.remove_prefix(length);
    return *number;
}

/// The letters after the numbers, up to the end of the line: three at most are looked at.
Result<std::uint8_t> parse_access(std::string_view text) {
    std::uint8_t access = 0;
    for (const char c : text.substr(0, std::min<std::size_t>(text.find('\n'), 3))) {
        if (c == 'r') {
            access |= DeviceRule::kRead;
        } else if (c == 'w') {
            access |= DeviceRule::kWrite;
        } else if (c == 'm') {
            access |= DeviceRule::kMknod;
        } else {
            return Err(Errno::kEINVAL);
        }
    }
    return access;
}

Result<void> take_char(std::string_view& text, bool (*wanted)(char)) {
    if (text.empty() || !wanted(text.front())) {
        return Err(Errno::kEINVAL);
    }
    text.remove_prefix(1);
    return {};
}

/// "c 1:3 rwm"; a rule for all devices is of type 'a' and its rest does not matter.
Result<DeviceRule> parse_rule(std::string_view text) {
    text = strip(text);
    DeviceRule rule;
    if (text.starts_with('a')) {
        return rule;
    }
    if (!text.starts_with('b') && !text.starts_with('c')) {
        return Err(Errno::kEINVAL);
    }
    rule.type = text.front();
    text.remove_prefix(1);
    MEMCGFS_TRY(take_char(text, is_kernel_space));
    rule.major = MEMCGFS_TRY(take_device_number(text));
    MEMCGFS_TRY(take_char(text, [](char c) { return c == ':'; }));
    rule.minor = MEMCGFS_TRY(take_device_number(text));
    MEMCGFS_TRY(take_char(text, is_kernel_space));
    rule.access = MEMCGFS_TRY(parse_access(text));
    return rule;
}

Result<void> may_write(const StoreContext& context) {
    // The kernel asks for CAP_SYS_ADMIN.
    return context.caller.uid == 0 ? Result<void>{} : Err(Errno::kEPERM);
}

Result<vfs::StoreOutcome> store_allow(StoreContext& context, std::string_view text) {
    MEMCGFS_TRY(may_write(context));
    const DeviceRule rule = MEMCGFS_TRY(parse_rule(text));
    MEMCGFS_TRY(rule.type == 'a' ? context.engine.allow_all_devices(context.group)
                                 : context.engine.allow_device(context.group, rule));
    return done();
}

Result<vfs::StoreOutcome> store_deny(StoreContext& context, std::string_view text) {
    MEMCGFS_TRY(may_write(context));
    const DeviceRule rule = MEMCGFS_TRY(parse_rule(text));
    if (rule.type == 'a') {
        MEMCGFS_TRY(context.engine.deny_all_devices(context.group));
    } else {
        context.engine.deny_device(context.group, rule);
    }
    return done();
}

void print_number(TextBuffer& out, std::uint32_t number) {
    if (number == DeviceRule::kAny) {
        out.append("*");
    } else {
        out.print("{}", number);
    }
}

Result<void> show_list(const ShowContext& context, TextBuffer& out) {
    const engine::DevicesState devices = state_of<&States::devices>(context);
    if (devices.allows) {
        out.append("a *:* rwm\n");
        return {};
    }
    for (const DeviceRule& rule : devices.exceptions) {
        out.print("{} ", rule.type);
        print_number(out, rule.major);
        out.append(":");
        print_number(out, rule.minor);
        out.print(" {}{}{}\n", (rule.access & DeviceRule::kRead) != 0 ? "r" : "",
                  (rule.access & DeviceRule::kWrite) != 0 ? "w" : "",
                  (rule.access & DeviceRule::kMknod) != 0 ? "m" : "");
    }
    return {};
}

constexpr std::array kFiles = {
    Cftype{.name = "devices.allow",
           .version = CgroupVersion::kV1,
           .controller = Controller::kDevices,
           .store = store_allow,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Adds a rule; no device is kept from anybody."},
    Cftype{.name = "devices.deny",
           .version = CgroupVersion::kV1,
           .controller = Controller::kDevices,
           .store = store_deny,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Takes one away, here and below."},
    Cftype{.name = "devices.list",
           .version = CgroupVersion::kV1,
           .controller = Controller::kDevices,
           .show = show_list,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "What is allowed."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v1_devices_files() { return kFiles; }

}  // namespace memcgfs::interface
