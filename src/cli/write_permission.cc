// SPDX-License-Identifier: MIT
#include "cli/write_permission.h"

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace memcgfs::cli {

namespace {

/// `owner` is the owner's bit.
bool mode_allows(const vfs::Attributes& attributes, const vfs::Credentials& who, mode_t owner) {
    const mode_t bit = who.uid == attributes.uid   ? owner
                       : who.gid == attributes.gid ? owner >> 3U
                                                   : owner >> 6U;
    return (attributes.mode & bit) != 0;
}

}  // namespace

bool mode_allows_write(const vfs::Attributes& attributes, const vfs::Credentials& who) {
    return mode_allows(attributes, who, S_IWUSR);
}

bool mode_allows_read(const vfs::Attributes& attributes, const vfs::Credentials& who) {
    return mode_allows(attributes, who, S_IRUSR);
}

std::optional<vfs::Attributes> attributes_of(vfs::Tree& tree, vfs::NodeId hierarchy_root,
                                             const engine::Engine& engine, Mutex& engine_mutex,
                                             const FileOfGroup& file) {
    std::string path;
    {
        const MutexLock lock(engine_mutex);
        const engine::Cgroup* const group = engine.find(file.group);
        if (group == nullptr) {
            return std::nullopt;
        }
        path = engine.path(*group);
    }
    vfs::NodeId node = hierarchy_root;
    for (std::string_view rest = path; !rest.empty();) {
        rest.remove_prefix(1);  // the slash
        const std::string_view name = rest.substr(0, rest.find('/'));
        rest.remove_prefix(name.size());
        if (name.empty()) {
            break;
        }
        const auto child = tree.lookup(node, name);
        if (!child.ok()) {
            return std::nullopt;
        }
        node = child->node;
    }
    const auto attributes = tree.lookup(node, file.name);
    return attributes.ok() ? std::optional(*attributes) : std::nullopt;
}

bool may_write(vfs::Tree& tree, vfs::NodeId hierarchy_root, const engine::Engine& engine,
               Mutex& engine_mutex, const FileOfGroup& file, const vfs::Credentials& who,
               vfs::CallerRights& rights) {
    const auto attributes = attributes_of(tree, hierarchy_root, engine, engine_mutex, file);
    return attributes && vfs::check_access(*attributes, vfs::Access::kWrite, who, rights).ok();
}

}  // namespace memcgfs::cli
