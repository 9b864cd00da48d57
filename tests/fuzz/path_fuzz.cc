// SPDX-License-Identifier: MIT
//
// Names: directories made, removed, renamed and looked up in the tree, in any order, by any name.
// A line of the input is a letter and a name, in which a carriage return stands for a newline.
// A plain map of maps says what must be there.
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/machine.h"
#include "memcgfs/vfs/tree.h"

namespace {

using namespace memcgfs;

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

/// A directory as the model knows it.
struct Directory {
    vfs::NodeId node{};
    std::map<std::string, Directory> children;
};

class Paths {
public:
    Paths(const engine::Profile& profile, engine::Layout layout)
        : engine_({.profile = profile,
                   .layout = layout,
                   .machine = {},
                   .clock = clock_,
                   .effects = sink_}),
          fs_(engine_, mutex_, tasks_, {}),
          tree_(
              fs_, [] { return timespec{}; },
              vfs::Tree::Options{.root = fs_.root(engine_.memory_hierarchy())}),
          renames_(!engine_.memory_hierarchy().is_v2()) {
        top_.node = vfs::kRootNode;
    }

    void step(char what, const std::string& name) {
        switch (what) {
            case 'm':
                return make(name);
            case 'r':
                return remove(name);
            case 'v':
                return rename(name);
            case 'o':
                return open(name);
            case 'c':
                return enter(name);
            case 'x':
                return read_gone_files();
            case '/':
                at_ = &top_;
                return;
            default:
                return look(name);
        }
    }

    /// The tree shows what the model has, under numbers of its own.
    void check() {
        engine_.check_invariants();
        std::set<std::uint64_t> inodes;
        check(top_, inodes);
    }

private:
    bool is_file(const std::string& name) {
        const auto found = tree_.lookup(at_->node, name);
        return found.ok() && S_ISREG(found->mode);
    }

    void make(const std::string& name) {
        const bool taken = is_dots(name) || at_->children.contains(name) || is_file(name);
        const auto made = tree_.mkdir(at_->node, name, 0755, {});
        MEMCGFS_ASSERT(!taken || !made.ok());
        MEMCGFS_ASSERT(taken || made.ok() == (name.find('\n') == std::string::npos));
        if (made.ok()) {
            at_->children[name].node = made->node;
        }
    }

    void remove(const std::string& name) {
        const auto found = at_->children.find(name);
        const bool can = found != at_->children.end() && found->second.children.empty();
        MEMCGFS_ASSERT(tree_.rmdir(at_->node, name).ok() == can);
        if (can) {
            const vfs::NodeId gone = found->second.node;
            at_->children.erase(found);
            MEMCGFS_ASSERT(!tree_.mkdir(gone, "below", 0755, {}).ok());
        }
    }

    /// "OLD\tNEW", in this directory.
    void rename(const std::string& names) {
        const std::size_t tab = names.find('\t');
        const std::string from = names.substr(0, tab);
        const std::string to = tab == std::string::npos ? "" : names.substr(tab + 1);
        if (from.empty() || to.empty() || is_dots(from) || is_dots(to)) {
            return;  // answered by every kernel before it asks the file system
        }
        const bool target_taken = at_->children.contains(to) || is_file(to);
        const auto renamed =
            tree_.rename(at_->node, from, {.parent = at_->node, .name = to, .flags = 0});
        if (!renamed.ok() || from == to) {
            return;
        }
        MEMCGFS_ASSERT(renames_ && !target_taken);
        auto moved = at_->children.extract(from);
        MEMCGFS_ASSERT(!moved.empty());
        moved.key() = to;
        at_->children.insert(std::move(moved));
    }

    void look(const std::string& name) {
        const auto found = tree_.lookup(at_->node, name);
        const auto known = at_->children.find(name);
        if (known != at_->children.end()) {
            MEMCGFS_ASSERT(found.ok() && found->node == known->second.node);
        } else {
            MEMCGFS_ASSERT(!found.ok() || S_ISREG(found->mode) || is_dots(name));
        }
    }

    void open(const std::string& name) {
        if (const auto found = tree_.lookup(at_->node, name); found.ok()) {
            if (auto file = tree_.open(found->node, O_RDONLY, {}); file.ok()) {
                open_.push_back(std::move(*file));
            }
        }
    }

    void enter(const std::string& name) {
        if (const auto found = at_->children.find(name); found != at_->children.end()) {
            at_ = &found->second;
        }
    }

    /// Whatever became of their directories.
    void read_gone_files() {
        for (const auto& file : open_) {
            (void)tree_.read(*file, 0, 100, {});
            (void)tree_.readdir(*file, 0, 10);
            (void)tree_.poll(*file, {});
        }
        open_.clear();
    }

    void check(const Directory& directory, std::set<std::uint64_t>& inodes) {
        auto opened = tree_.open(directory.node, O_RDONLY | O_DIRECTORY, {});
        MEMCGFS_ASSERT(opened.ok());
        std::size_t directories = 0;
        std::uint64_t offset = 0;
        for (;;) {
            const auto part = tree_.readdir(**opened, offset, 3).value();
            if (part.empty()) {
                break;
            }
            for (const vfs::DirectoryEntry& entry : part) {
                offset = entry.next_offset;
                if (is_dots(entry.name)) {
                    continue;
                }
                MEMCGFS_ASSERT(inodes.insert(entry.inode).second);
                directories += entry.type == S_IFDIR;
                MEMCGFS_ASSERT((entry.type == S_IFDIR) == directory.children.contains(entry.name));
            }
        }
        MEMCGFS_ASSERT(directories == directory.children.size());
        for (const auto& [name, child] : directory.children) {
            MEMCGFS_ASSERT(tree_.lookup(directory.node, name).value().node == child.node);
            check(child, inodes);
        }
    }

    ManualClock clock_;
    fuzz::Sink sink_;
    fuzz::NoTasks tasks_;
    Mutex mutex_{LockRank::kEngine};
    engine::Engine engine_;
    interface::CgroupFs fs_;
    vfs::Tree tree_;
    const bool renames_;
    Directory top_;
    Directory* at_ = &top_;
    std::vector<std::unique_ptr<vfs::OpenFile>> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    auto [profile, layout, rest] = fuzz::choose(data, size);
    Paths paths(profile, layout);
    while (!rest.empty()) {
        std::string line(fuzz::next_line(rest));
        std::replace(line.begin(), line.end(), '\r', '\n');
        const char what = line.empty() ? 'x' : line[0];
        // A name that a system call lets through is not empty and has neither slash nor NUL.
        std::string name = line.substr(std::min<std::size_t>(line.size(), 1));
        std::erase_if(name, [](char c) { return c == '/' || c == '\0'; });
        if (!name.empty() || what == '/' || what == 'x') {
            paths.step(what, name);
        }
    }
    paths.check();
    return 0;
}
