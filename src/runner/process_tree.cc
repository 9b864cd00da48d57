// SPDX-License-Identifier: MIT
#include "runner/process_tree.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_set>

#include "memcgfs/runner/mount_table.h"

namespace memcgfs::runner {
namespace {

std::vector<pid_t> all_pids() {
    std::vector<pid_t> pids;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc"), closedir);
    if (!directory) {
        return pids;
    }
    while (const dirent* entry = readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error == std::errc{} && end == name.data() + name.size()) {
            pids.push_back(pid);
        }
    }
    return pids;
}

std::string mount_namespace_of(const std::string& process) {
    std::array<char, 64> target{};
    const std::string link = "/proc/" + process + "/ns/mnt";
    const ssize_t length = readlink(link.c_str(), target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : "";
}

}  // namespace

std::string contents_of(const std::string& path) {
    std::ifstream file(path);
    std::string text;
    // Iterators over the buffer would throw what the stream's own functions only note.
    std::getline(file, text, '\0');
    return file.bad() ? std::string() : text;
}

bool parse_process_stat(std::string_view text, ProcessStat& out) {
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos || name_end + 4 >= text.size()) {
        return false;
    }
    const auto pid = std::from_chars(text.data(), text.data() + text.size(), out.pid);
    out.state = text[name_end + 2];
    const std::string_view rest = text.substr(name_end + 4);
    const auto parent = std::from_chars(rest.data(), rest.data() + rest.size(), out.parent);
    return pid.ec == std::errc{} && parent.ec == std::errc{};
}

std::vector<ProcessStat> descendants(pid_t ancestor, pid_t except) {
    std::vector<ProcessStat> others;
    for (const pid_t pid : all_pids()) {
        ProcessStat stat;
        if (pid != except &&
            parse_process_stat(contents_of("/proc/" + std::to_string(pid) + "/stat"), stat)) {
            others.push_back(stat);
        }
    }
    // A parent's number may be above its child's, so one pass over the list is not enough.
    std::unordered_set<pid_t> family{ancestor};
    std::vector<ProcessStat> found;
    for (bool grown = true; grown;) {
        grown = false;
        for (const ProcessStat& stat : others) {
            if (family.contains(stat.parent) && family.insert(stat.pid).second) {
                found.push_back(stat);
                grown = true;
            }
        }
    }
    return found;
}

std::vector<pid_t> processes_of_world(dev_t device, const std::function<bool(pid_t)>& is_member) {
    const std::string own_namespace = mount_namespace_of("self");
    std::vector<pid_t> found;
    for (const pid_t pid : all_pids()) {
        if (is_member && is_member(pid)) {
            found.push_back(pid);
            continue;
        }
        const std::string process = std::to_string(pid);
        if (mount_namespace_of(process) == own_namespace) {
            continue;
        }
        for (const MountEntry& mount : read_mount_table("/proc/" + process + "/mountinfo")) {
            if (mount.device == device && mount.fs_type.starts_with("fuse")) {
                found.push_back(pid);
                break;
            }
        }
    }
    return found;
}

}  // namespace memcgfs::runner
