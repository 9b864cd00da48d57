// SPDX-License-Identifier: MIT
//
// Names: making, finding, removing and renaming. The order of the checks is the kernel's.
#include "memcgfs/vfs/tree.h"

#include "memcgfs/base/assert.h"
#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

constexpr mode_t kHierarchyRootMode = 0555;
constexpr mode_t kLinkMode = 0777;
constexpr mode_t kMkdirBits = 01777;

}  // namespace

Tree::Tree(Provider& provider, WallClock wall_clock, Options options)
    : state_(std::make_unique<State>(provider, std::move(wall_clock), options)) {
    MutexLock lock(state_->mutex);
    Hierarchy* hierarchy = nullptr;
    if (options.root != DirKey{}) {
        hierarchy = state_->hierarchies.emplace_back(std::make_unique<Hierarchy>()).get();
    }
    Ownership ownership;
    ownership.mode = options.root_mode;
    ownership.uid = options.uid;
    ownership.gid = options.gid;
    Directory& root = state_->make_directory({nullptr, {}, options.root, hierarchy, ownership});
    root.hierarchy_root = true;
    MEMCGFS_ASSERT(NodeRef{&root}.id() == kRootNode);
}

Tree::~Tree() {
    MutexLock lock(state_->mutex);
    MEMCGFS_ASSERT(state_->watched.empty());  // an open file would outlive its tree
}

NodeId Tree::add_hierarchy(std::string_view name, DirKey key) {
    MutexLock lock(state_->mutex);
    MEMCGFS_ASSERT(key != DirKey{});
    const auto root = state_->find_directory(kRootNode);
    MEMCGFS_ASSERT(root.ok() && root.value()->hierarchy == nullptr);
    auto& hierarchy = state_->hierarchies.emplace_back(std::make_unique<Hierarchy>());
    Ownership ownership;
    ownership.mode = kHierarchyRootMode;
    ownership.uid = state_->options.uid;
    ownership.gid = state_->options.gid;
    Directory& made = state_->make_directory({root.value(), name, key, hierarchy.get(), ownership});
    made.hierarchy_root = true;
    return NodeRef{&made}.id();
}

void Tree::remove_hierarchy(std::string_view name) {
    MutexLock lock(state_->mutex);
    const auto root = state_->find_directory(kRootNode);
    const auto child = state_->find_child(*root.value(), name);
    MEMCGFS_ASSERT(child && child->directory->hierarchy_root);
    state_->remove_directory(*child->directory);
}

void Tree::add_link(std::string_view name, std::string_view target) {
    MutexLock lock(state_->mutex);
    const auto root = state_->find_directory(kRootNode);
    MEMCGFS_ASSERT(root.ok() && root.value()->hierarchy == nullptr && !target.empty());
    Ownership ownership;
    ownership.mode = kLinkMode;
    ownership.uid = state_->options.uid;
    ownership.gid = state_->options.gid;
    Directory& made = state_->make_directory({root.value(), name, {}, nullptr, ownership});
    made.hierarchy_root = true;
    made.link_target = target;
}

Result<std::string> Tree::readlink(NodeId node) {
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found || found->batch != nullptr || found->directory->link_target.empty()) {
        return Err(Errno::kEINVAL);
    }
    return found->directory->link_target;
}

Result<Attributes> Tree::lookup(NodeId parent, std::string_view name) {
    MutexLock lock(state_->mutex);
    Directory* directory = MEMCGFS_TRY(state_->find_directory(parent));
    const auto child = state_->find_child(*directory, name);
    if (!child) {
        return Err(Errno::kENOENT);
    }
    if (child->batch != nullptr && child->info().notify != Notify::kNone) {
        auto& watchable = child->batch->watchable;
        if (std::find(watchable.begin(), watchable.end(), child->info().index) == watchable.end()) {
            watchable.push_back(child->info().index);
            state_->by_key.emplace(child->directory->key, child->directory);
        }
    }
    return state_->attributes_of(*child);
}

Result<Attributes> Tree::mkdir(NodeId parent, std::string_view name, mode_t mode,
                               const Credentials& creator) {
    MutexLock lock(state_->mutex);
    Directory* directory = MEMCGFS_TRY(state_->find_directory(parent));
    if (directory->key == DirKey{}) {
        return Err(Errno::kEPERM);
    }
    if (name.find('\n') != std::string_view::npos) {
        return Err(Errno::kEINVAL);
    }
    if (name.empty() || name == "." || name == ".." || state_->find_child(*directory, name)) {
        return Err(Errno::kEEXIST);
    }
    const DirKey key = MEMCGFS_TRY(state_->provider.mkdir(directory->key, name, creator));
    MEMCGFS_ASSERT(key != DirKey{});
    Ownership ownership;
    ownership.mode = mode & kMkdirBits;
    ownership.uid = creator.uid;
    ownership.gid = creator.gid;
    if ((directory->ownership.mode & S_ISGID) != 0) {
        ownership.mode |= S_ISGID;
        if (state_->options.set_gid_is_for_all || (creator.uid == 0 && creator.gid == 0)) {
            ownership.gid = directory->ownership.gid;
        }
    }
    Directory& made =
        state_->make_directory({directory, name, key, directory->hierarchy, ownership});
    state_->entries_changed(*directory);
    return state_->attributes_of(NodeRef{&made});
}

Result<Directory*> Tree::State::removable(NodeId parent, std::string_view name) {
    Directory* directory = MEMCGFS_TRY(find_directory(parent));
    const auto child = find_child(*directory, name);
    if (!child) {
        return Err(Errno::kENOENT);
    }
    if (child->batch != nullptr || !child->directory->link_target.empty()) {
        return Err(Errno::kENOTDIR);
    }
    if (child->directory->hierarchy_root) {
        return Err(Errno::kEBUSY);
    }
    return child->directory;
}

std::vector<std::string> Tree::known_names(NodeId node) {
    MutexLock lock(state_->mutex);
    std::vector<std::string> names;
    const auto found = state_->find_directory(node);
    if (!found.ok()) {
        return names;
    }
    const Directory& directory = *found.value();
    for (const auto& [key, child] : directory.children) {
        if (child->uses > 0) {
            names.push_back(child->name);
        }
    }
    for (const auto& batch : directory.batches) {
        if (batch->uses > 0) {
            for (const FileInfo& file : batch->table->files) {
                names.emplace_back(file.name);
            }
        }
    }
    return names;
}

Result<Tree::Removed> Tree::rmdir(NodeId parent, std::string_view name) {
    DirKey key{};
    {
        MutexLock lock(state_->mutex);
        const Directory* directory = MEMCGFS_TRY(state_->removable(parent, name));
        key = directory->key;
    }
    state_->provider.before_rmdir(key);
    MutexLock lock(state_->mutex);
    Directory* directory = MEMCGFS_TRY(state_->removable(parent, name));
    MEMCGFS_TRY(state_->provider.rmdir(directory->key));
    Removed removed{
        .directory = NodeRef{directory}.id(), .open_files = {}, .names_of_open_files = {}};
    for (const auto& batch : directory->batches) {
        for (const auto& [position, opens] : batch->opens) {
            const NodeRef file{directory, batch.get(), position};
            removed.open_files.push_back(file.id());
            removed.names_of_open_files.emplace_back(file.info().name);
        }
    }
    state_->remove_directory(*directory);
    return removed;
}

Result<void> Tree::rename(NodeId parent, std::string_view name, const RenameTarget& target) {
    MutexLock lock(state_->mutex);
    Directory* directory = MEMCGFS_TRY(state_->find_directory(parent));
    const auto child = state_->find_child(*directory, name);
    if (!child) {
        return Err(Errno::kENOENT);
    }
    if (target.flags != 0) {
        return Err(Errno::kEINVAL);
    }
    if (child->batch == nullptr && child->directory->hierarchy_root) {
        return Err(Errno::kEBUSY);
    }
    if (!state_->provider.renames(directory->key)) {
        return Err(Errno::kEPERM);
    }
    if (target.name.find('\n') != std::string_view::npos) {
        return Err(Errno::kEINVAL);
    }
    if (child->batch != nullptr) {
        return Err(Errno::kENOTDIR);
    }
    if (target.parent != parent) {
        return Err(Errno::kEIO);
    }
    if (state_->find_child(*directory, target.name)) {
        return Err(Errno::kEEXIST);
    }
    MEMCGFS_TRY(state_->provider.rename(child->directory->key, target.name));
    auto entry = directory->children.extract(ChildKey{name_hash(name), std::string(name)});
    MEMCGFS_ASSERT(!entry.empty());
    entry.key() = ChildKey{name_hash(target.name), std::string(target.name)};
    directory->children.insert(std::move(entry));
    child->directory->name = target.name;
    return {};
}

Result<void> Tree::unlink(NodeId parent, std::string_view name) {
    MutexLock lock(state_->mutex);
    Directory* directory = MEMCGFS_TRY(state_->find_directory(parent));
    const auto child = state_->find_child(*directory, name);
    if (!child) {
        return Err(Errno::kENOENT);
    }
    return Err(child->batch != nullptr ? Errno::kEPERM : Errno::kEISDIR);
}

}  // namespace memcgfs::vfs
