// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/caller_rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fuse/client_call.h"

namespace memcgfs::fuse {

namespace {

/// A whole file; empty if it cannot be read.
std::string read_file(const std::string& path) {
    constexpr std::size_t kPart = 4096;
    std::string text;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return text;
    }
    for (;;) {
        const std::size_t before = text.size();
        text.resize(before + kPart);
        const ssize_t length = ::read(fd, text.data() + before, kPart);
        text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
        if (length <= 0) {
            break;
        }
    }
    ::close(fd);
    return text;
}

std::string proc_file(pid_t thread, const char* name) {
    return read_file("/proc/" + std::to_string(thread) + "/" + name);
}

/// Takes the next decimal number off `text`; none at its end.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// What follows `key` in its line of /proc/PID/status.
std::string_view field_of(std::string_view status, std::string_view key) {
    const std::size_t start = status.find(key);
    if (start == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = status.substr(start + key.size());
    return rest.substr(0, rest.find('\n'));
}

/// Whether a map as in uid_map has `id` outside of its namespace.
bool maps(std::string_view map, std::uint64_t id) {
    for (;;) {
        const auto inside = take_number(map);
        const auto outside = take_number(map);
        const auto count = take_number(map);
        if (!inside || !outside || !count) {
            return false;
        }
        if (id >= *outside && id - *outside < *count) {
            return true;
        }
    }
}

struct Capabilities {
    std::uint32_t effective = 0;
    std::uint32_t permitted = 0;
};

std::optional<Capabilities> capabilities_of(pid_t thread) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, thread};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) {
        return std::nullopt;
    }
    return Capabilities{data[0].effective, data[0].permitted};
}

/// Those that count in the call that the thread is in.
std::uint32_t counting(const Capabilities& held, const vfs::Credentials& caller,
                       std::uint32_t bit) {
    const std::uint32_t for_real_user = caller.uid == 0 ? held.permitted : 0;
    const bool same = ((held.effective ^ for_real_user) & bit) == 0;
    return !same && asks_for_real_user(caller.pid) ? for_real_user : held.effective;
}

}  // namespace

Result<vfs::Credentials> credentials_of_thread(pid_t thread) {
    constexpr int kForFiles = 4;  // after the real, effective and saved one
    const std::string status = proc_file(thread, "status");
    const auto id_of = [&](std::string_view key) {
        std::string_view ids = field_of(status, key);
        std::optional<std::uint64_t> id;
        for (int i = 0; i < kForFiles; i++) {
            id = take_number(ids);
        }
        return id;
    };
    const auto uid = id_of("\nUid:");
    const auto gid = id_of("\nGid:");
    if (!uid || !gid) {
        return Err(Errno::kESRCH);
    }
    return vfs::Credentials{static_cast<uid_t>(*uid), static_cast<gid_t>(*gid), thread};
}

ProcCallerRights::ProcCallerRights()
    : own_users_(read_file("/proc/self/uid_map")), own_groups_(read_file("/proc/self/gid_map")) {}

bool ProcCallerRights::in_group(const vfs::Credentials& caller, gid_t group) {
    if (caller.pid == 0) {
        return false;
    }
    const std::string status = proc_file(caller.pid, "status");
    std::string_view groups = field_of(status, "\nGroups:");
    while (const auto each = take_number(groups)) {
        if (*each == group) {
            return true;
        }
    }
    return false;
}

bool ProcCallerRights::capable(const vfs::Credentials& caller, vfs::Capability capability,
                               uid_t uid, gid_t gid) {
    const auto held = caller.pid != 0 ? capabilities_of(caller.pid) : std::nullopt;
    if (!held) {
        return caller.uid == 0;
    }
    const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(capability);
    return (counting(*held, caller, bit) & bit) != 0 && owns_ids(caller.pid, uid, gid);
}

bool ProcCallerRights::owns_ids(pid_t thread, uid_t uid, gid_t gid) const {
    // A namespace shows its own map as its parent sees it, which is no help, but equal: to have
    // another's map it would have to have all the ids.
    const std::string users = proc_file(thread, "uid_map");
    const std::string groups = proc_file(thread, "gid_map");
    return (users == own_users_ || maps(users, uid)) &&
           (groups == own_groups_ || maps(groups, gid));
}

namespace {

bool is_the_same(const vfs::Credentials& opener) {
    const auto now = credentials_of_thread(opener.pid);
    return now.ok() && now->uid == opener.uid && now->gid == opener.gid;
}

}  // namespace

bool OpenerRights::in_group(const vfs::Credentials& opener, gid_t group) {
    return is_the_same(opener) && rights_.in_group(opener, group);
}

bool OpenerRights::capable(const vfs::Credentials& opener, vfs::Capability capability, uid_t uid,
                           gid_t gid) {
    return is_the_same(opener) ? rights_.capable(opener, capability, uid, gid) : opener.uid == 0;
}

}  // namespace memcgfs::fuse
