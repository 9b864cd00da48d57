// SPDX-License-Identifier: MIT
#include "cli/mount_text.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <map>
#include <optional>

#include "cli/v1_mounts.h"
#include "memcgfs/interface/controllers.h"

namespace memcgfs::cli {
namespace {

std::string_view take(std::string_view& text, char end) {
    const std::string_view part = text.substr(0, text.find(end));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
}

/// A line of mountinfo, its fields as they are written (proc(5)).
struct Line {
    int id = 0;
    int parent = 0;
    std::string device;
    std::string root;
    std::string mount_point;
    std::string options;
    std::string optional_fields;  ///< each with a space behind it
    std::string type;
    std::string source;
    std::string super_options;

    std::string text() const {
        return fmt::format("{} {} {} {} {} {} {}- {} {} {}\n", id, parent, device, root,
                           mount_point, options, optional_fields, type, source, super_options);
    }
};

Line parse(std::string_view text) {
    Line line;
    line.id = std::atoi(std::string(take(text, ' ')).c_str());
    line.parent = std::atoi(std::string(take(text, ' ')).c_str());
    line.device = take(text, ' ');
    line.root = take(text, ' ');
    line.mount_point = take(text, ' ');
    line.options = take(text, ' ');
    for (std::string_view field; !text.empty() && (field = take(text, ' ')) != "-";) {
        line.optional_fields.append(field).append(" ");
    }
    line.type = take(text, ' ');
    line.source = take(text, ' ');
    line.super_options = take(text, ' ');
    return line;
}

std::vector<Line> parse_table(std::string_view text) {
    std::vector<Line> lines;
    while (!text.empty()) {
        lines.push_back(parse(take(text, '\n')));
    }
    return lines;
}

bool is_cgroup(const Line& line) { return line.type == "cgroup" || line.type == "cgroup2"; }

bool is_at_or_below(std::string_view path, std::string_view directory) {
    return path == directory ||
           (path.starts_with(directory) && path.substr(directory.size()).starts_with('/'));
}

/// The tree's line, as the file systems that it stands for.
std::string lines_for(const Line& tree, const std::vector<CgroupMount>& mounts, int next_id) {
    std::string text;
    Line line = tree;
    for (const CgroupMount& mount : mounts) {
        line.mount_point = tree.mount_point + mount.directory;
        line.options = "rw,nosuid,nodev,noexec,relatime";
        line.type = mount.type;
        line.source = mount.type;
        line.super_options = mount.options;
        text += line.text();
        line.parent = tree.id;
        line.id = next_id++;
    }
    return text;
}

}  // namespace

std::vector<CgroupMount> cgroup_mounts(const engine::Profile& profile, engine::Layout layout,
                                       const engine::MountFlags& flags) {
    std::string v2 = "rw,nsdelegate";
    v2 += flags.memory_localevents && profile.memory_localevents ? ",memory_localevents" : "";
    v2 += flags.memory_recursiveprot && profile.memory_recursiveprot ? ",memory_recursiveprot" : "";
    v2 += flags.pids_localevents && profile.pids_events_hierarchical ? ",pids_localevents" : "";
    if (layout == engine::Layout::kV2) {
        return {{"", "cgroup2", v2}};
    }
    std::vector<CgroupMount> mounts = {{"", "tmpfs", "rw,mode=755,inode64"}};
    if (layout == engine::Layout::kHybrid) {
        mounts.push_back({"/unified", "cgroup2", "rw,nsdelegate"});
    }
    std::vector<V1Mount> v1 = v1_mounts(profile, layout);
    v1.insert(v1.begin(),
              {"memory", {.controllers = mask_of(engine::Controller::kMemory), .name = {}}, {}});
    // systemd mounts its own first.
    std::stable_partition(v1.begin(), v1.end(),
                          [](const V1Mount& mount) { return !mount.spec.name.empty(); });
    for (const V1Mount& mount : v1) {
        std::string options = "rw";
        for (const interface::KernelController& controller : interface::kKernelControllers) {
            if ((mount.spec.controllers & mask_of(controller.controller)) != 0) {
                options.append(",").append(controller.v1_name);
            }
        }
        options += mount.spec.name.empty() ? "" : ",name=" + mount.spec.name;
        mounts.push_back({"/" + std::string(mount.directory), "cgroup", options});
    }
    return mounts;
}

std::string with_cgroup_mounts(std::string_view mountinfo, dev_t device,
                               const std::vector<CgroupMount>& mounts) {
    const std::vector<Line> lines = parse_table(mountinfo);
    const std::string number = fmt::format("{}:{}", major(device), minor(device));
    const auto tree = std::find_if(lines.begin(), lines.end(),
                                   [&](const Line& line) { return line.device == number; });
    int next_id = 1;
    for (const Line& line : lines) {
        next_id = std::max(next_id, line.id + 1);
    }
    // Mounts are listed in the order of their making.
    bool earlier_than_tree = tree != lines.end();
    // Whose parent is not shown has that one's parent.
    std::map<int, int> hidden;
    std::string text;
    for (Line line : lines) {
        for (auto found = hidden.find(line.parent); found != hidden.end();
             found = hidden.find(line.parent)) {
            line.parent = found->second;
        }
        const bool covered = earlier_than_tree && line.device != number &&
                             is_at_or_below(line.mount_point, tree->mount_point);
        if (covered || is_cgroup(line)) {
            hidden.emplace(line.id, line.parent);
        } else if (line.device == number) {
            earlier_than_tree = false;
            const bool whole = line.root == "/";
            text += whole ? lines_for(line, mounts, next_id) : line.text();
            next_id += static_cast<int>(mounts.size());
        } else {
            text += line.text();
        }
    }
    return text;
}

std::string mounts_of(std::string_view mountinfo) {
    std::string text;
    for (const Line& line : parse_table(mountinfo)) {
        // Options of the mount and of the super block in one, "ro" and "rw" once.
        std::string_view super = line.super_options;
        take(super, ',');
        text += fmt::format("{} {} {} {}{}{} 0 0\n", line.source, line.mount_point, line.type,
                            line.options, super.empty() ? "" : ",", super);
    }
    return text;
}

}  // namespace memcgfs::cli
