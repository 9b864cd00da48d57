// SPDX-License-Identifier: MIT
#include "cli/group_report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <utility>

#include "memcgfs/base/assert.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::cli {
namespace {

using interface::ChargeTier;
using interface::ControlMessage;

/// From here on a v1 limit is none.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62U;

std::optional<std::uint64_t> number_in(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t number = 0;
    return file >> number ? std::optional(number) : std::nullopt;
}

std::optional<Bytes> bytes_in(const std::string& path) {
    const auto number = number_in(path);
    return number ? std::optional(Bytes{*number}) : std::nullopt;
}

/// The number behind `key` in a file of such lines.
std::optional<std::uint64_t> number_of(const std::string& path, std::string_view key) {
    std::ifstream file(path);
    std::string word;
    std::uint64_t number = 0;
    while (file >> word >> number) {
        if (word == key) {
            return number;
        }
    }
    return std::nullopt;
}

GroupReport report_memory(const std::string& group) {
    GroupReport report;
    report.usage = bytes_in(group + "/memory.current");
    if (report.usage) {
        report.limit = bytes_in(group + "/memory.max");
        report.swap = bytes_in(group + "/memory.swap.current");
        report.kills = number_of(group + "/memory.events", "oom_kill");
        return report;
    }
    report.usage = bytes_in(group + "/memory.usage_in_bytes");
    report.limit = bytes_in(group + "/memory.limit_in_bytes");
    if (report.limit && report.limit->count() >= kNoLimit) {
        report.limit.reset();
    }
    report.kills = number_of(group + "/memory.oom_control", "oom_kill");
    if (const auto both = bytes_in(group + "/memory.memsw.usage_in_bytes");
        both && report.usage && *both >= *report.usage) {
        report.swap = *both - *report.usage;
    }
    return report;
}

/// Nothing: it has ended.
std::optional<ProcessReport> report_process(int tree, pid_t pid) {
    ControlMessage message;
    message.op = interface::ControlOp::kAsk;
    message.args = {static_cast<std::uint64_t>(pid)};
    if (ioctl(tree, interface::kControlIoctl, &message) != 0 || message.result != 0) {
        return std::nullopt;
    }
    ProcessReport report{
        pid, static_cast<ChargeTier>(message.args[0]), to_bytes(Pages{message.args[1]}), {}};
    std::ifstream comm(fmt::format("/proc/{}/comm", pid));
    std::getline(comm, report.comm);
    return report;
}

void report_subtree(int tree, const std::string& group, const std::string& path,
                    std::vector<GroupReport>& reports) {
    GroupReport report = report_memory(group);
    report.path = path.empty() ? "/" : path;
    std::ifstream members(group + "/cgroup.procs");
    for (pid_t pid = 0; members >> pid;) {
        if (auto process = report_process(tree, pid)) {
            report.processes.push_back(*std::move(process));
        }
    }
    reports.push_back(std::move(report));
    std::vector<std::string> children;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(group, gone)) {
        if (entry.is_directory(gone)) {
            children.push_back(entry.path().filename().string());
        }
    }
    std::sort(children.begin(), children.end());
    for (const std::string& child : children) {
        report_subtree(tree, fmt::format("{}/{}", group, child), fmt::format("{}/{}", path, child),
                       reports);
    }
}

bool is_group(const std::string& directory) {
    std::error_code error;
    return std::filesystem::exists(directory + "/cgroup.procs", error);
}

}  // namespace

Result<std::vector<GroupReport>, std::string> report_groups(const std::string& directory) {
    const std::string memory = directory + "/memory";
    const std::string& top = !is_group(directory) && is_group(memory) ? memory : directory;
    const runner::UniqueFd tree(open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ControlMessage message;
    message.op = interface::ControlOp::kAsk;
    const bool is_ours =
        tree.get() >= 0 && ioctl(tree.get(), interface::kControlIoctl, &message) == 0;
    if (!is_ours || !is_group(top)) {
        return Failed<std::string>{fmt::format("{} is no group of a tree of memcgfs", directory)};
    }
    std::vector<GroupReport> reports;
    report_subtree(tree.get(), top, "", reports);
    return reports;
}

std::string_view tier_name(ChargeTier tier) {
    switch (tier) {
        case ChargeTier::kNone:
            return "-";
        case ChargeTier::kTimer:
            return "timer";
        case ChargeTier::kEvent:
            return "event";
        case ChargeTier::kExact:
            return "exact";
        case ChargeTier::kModelled:
            return "modelled";
        case ChargeTier::kEventUntraced:
            return "event-untraced";
    }
    return "-";  // of a newer tree
}

}  // namespace memcgfs::cli
