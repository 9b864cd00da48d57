// SPDX-License-Identifier: MIT
#include "cli/write_permission.h"

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace memcgfs::cli {

bool mode_allows_write(const vfs::Attributes& attributes, const vfs::Credentials& who) {
    const mode_t bit = who.uid == attributes.uid   ? S_IWUSR
                       : who.gid == attributes.gid ? S_IWGRP
                                                   : S_IWOTH;
    return (attributes.mode & bit) != 0;
}

bool may_write(vfs::Tree& tree, vfs::NodeId hierarchy_root, const engine::Engine& engine,
               Mutex& engine_mutex, const FileOfGroup& file, const vfs::Credentials& who) {
    std::string path;
    {
        const MutexLock lock(engine_mutex);
        const engine::Cgroup* const group = engine.find(file.group);
        if (group == nullptr) {
            return false;
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
            return false;
        }
        node = child->node;
    }
    const auto attributes = tree.lookup(node, file.name);
    return attributes.ok() && mode_allows_write(*attributes, who);
}

}  // namespace memcgfs::cli
