// SPDX-License-Identifier: MIT
#include "cli/mount_text.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "memcgfs/interface/namespace_path.h"

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

/// Splits "/1/a/b" into the directory "1" and what is below, "/a/b".
std::pair<std::string_view, std::string_view> split_root(std::string_view root) {
    root.remove_prefix(1);
    const std::string_view directory = root.substr(0, root.find('/'));
    root.remove_prefix(directory.size());
    return {directory, root.empty() ? std::string_view("/") : root};
}

/// Makes a line out of the others what it is to be; false: it is not shown.
class Rewriter {
public:
    Rewriter(const TreeMounts& tree, const std::vector<Line>& lines)
        : tree_(tree),
          number_(fmt::format("{}:{}", major(tree.device), minor(tree.device))),
          whole_(std::find_if(
              lines.begin(), lines.end(),
              [this](const Line& line) { return line.device == number_ && line.root == "/"; })),
          // Mounts are listed in the order of their making.
          earlier_(whole_ != lines.end()),
          present_(earlier_) {}

    bool rewrite(Line& line) {
        if (line.device == number_) {
            earlier_ = false;
            return line.root != "/" && rewrite_part(line);
        }
        if (present_ && line.parent == whole_->id && line.mount_point == whole_->mount_point &&
            line.type == "tmpfs") {
            line.super_options = "rw,mode=755,inode64";  // its owner is the user namespace's affair
            return tree_.ground_is_shown;
        }
        const auto other = tree_.other ? tree_.other(line.device, line.source) : std::nullopt;
        if (other) {
            line.type = other->type;
            line.super_options = other->options;
        }
        return !is_cgroup(line) &&
               !(earlier_ && is_at_or_below(line.mount_point, whole_->mount_point));
    }

private:
    bool rewrite_part(Line& line) const {
        const auto [directory, below] = split_root(line.root);
        const auto what = tree_.what(directory, line.id);
        if (!what) {
            return false;
        }
        line.root = interface::path_from(what->seen_from, below);
        line.type = what->type;
        line.source = what->source;
        line.super_options = what->options;
        return true;
    }

    const TreeMounts& tree_;
    const std::string number_;
    const std::vector<Line>::const_iterator whole_;
    bool earlier_;
    const bool present_;
};

}  // namespace

std::string with_cgroup_mounts(std::string_view mountinfo, const TreeMounts& tree) {
    const std::vector<Line> lines = parse_table(mountinfo);
    Rewriter rewriter(tree, lines);
    // Whose parent is not shown has that one's parent.
    std::map<int, int> hidden;
    std::string text;
    for (Line line : lines) {
        const int parent = line.parent;
        const bool shown = rewriter.rewrite(line);
        for (auto found = hidden.find(line.parent); found != hidden.end();
             found = hidden.find(line.parent)) {
            line.parent = found->second;
        }
        if (shown) {
            text += line.text();
        } else {
            hidden.emplace(line.id, parent);
        }
    }
    return text;
}

std::set<std::string> tree_directories(std::string_view mountinfo, dev_t device) {
    const std::string number = fmt::format("{}:{}", major(device), minor(device));
    std::set<std::string> directories;
    for (const Line& line : parse_table(mountinfo)) {
        if (line.device == number && line.root != "/") {
            directories.emplace(split_root(line.root).first);
        }
    }
    return directories;
}

std::optional<CgroupMount> mount_of_device(std::string_view mountinfo, dev_t device) {
    const std::string number = fmt::format("{}:{}", major(device), minor(device));
    for (const Line& line : parse_table(mountinfo)) {
        if (line.device == number) {
            return CgroupMount{line.type, line.source, line.super_options};
        }
    }
    return std::nullopt;
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
