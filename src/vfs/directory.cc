// SPDX-License-Identifier: MIT
#include <algorithm>

#include "memcgfs/base/assert.h"
#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

constexpr unsigned kSerialShift = 16;
constexpr std::uint64_t kLowMask = 0xFFFF;
constexpr std::uint64_t kDirectoryLow = 1;
constexpr std::uint64_t kFirstFileLow = 2;

NodeId file_node(std::uint64_t serial, FileIndex index) {
    return NodeId{serial << kSerialShift | (kFirstFileLow + static_cast<std::uint64_t>(index))};
}

void mark_gone(FileBatch& batch, std::size_t position) {
    if (batch.gone.empty()) {
        batch.gone.resize(batch.table->files.size());
    }
    batch.gone[position] = true;
}

bool all_gone(const FileBatch& batch) {
    return std::find(batch.gone.begin(), batch.gone.end(), false) == batch.gone.end() &&
           !batch.gone.empty();
}

void erase_extras(Directory& directory, const FileBatch& batch) {
    const NodeId end{(batch.serial + 1) << kSerialShift};
    directory.extras.erase(directory.extras.lower_bound(file_node(batch.serial, FileIndex{0})),
                           directory.extras.lower_bound(end));
}

}  // namespace

NodeId NodeRef::id() const {
    if (batch == nullptr) {
        return NodeId{directory->serial << kSerialShift | kDirectoryLow};
    }
    return file_node(batch->serial, info().index);
}

Directory& Tree::State::make_directory(const NewDirectory& wanted) {
    auto made = std::make_unique<Directory>();
    Directory& directory = *made;
    directory.serial = next_serial++;
    directory.key = wanted.key;
    directory.parent = wanted.parent;
    directory.name = wanted.name;
    directory.hierarchy = wanted.hierarchy;
    directory.ownership = wanted.ownership;
    directory.file_ownership = wanted.ownership;
    const bool layout = wanted.key == DirKey{};
    MEMCGFS_ASSERT(layout == (wanted.hierarchy == nullptr));
    directory.inode = layout ? kLayoutInode : wanted.hierarchy->next_inode++;
    directories.emplace(directory.serial, std::move(made));
    if (wanted.parent != nullptr) {
        const bool fresh =
            wanted.parent->children
                .emplace(ChildKey{name_hash(wanted.name), std::string(wanted.name)}, &directory)
                .second;
        MEMCGFS_ASSERT(fresh);
    }
    refresh_files(directory);  // now, so that the files' numbers follow the directory's
    return directory;
}

void Tree::State::remove_directory(Directory& directory) {
    MEMCGFS_ASSERT(!directory.removed && directory.parent != nullptr);
    MEMCGFS_ASSERT(directory.children.empty());
    const auto erased =
        directory.parent->children.erase(ChildKey{name_hash(directory.name), directory.name});
    MEMCGFS_ASSERT(erased == 1);
    directory.removed = true;
    by_key.erase(directory.key);
    directory.parent->uses++;
    entries_changed(*directory.parent);
    collect(directory);
}

void Tree::State::collect(Directory& directory) {
    Directory* current = &directory;
    while (current != nullptr) {
        auto& batches = current->batches;
        for (auto batch = batches.begin(); batch != batches.end();) {
            if ((*batch)->uses != 0 || !(current->removed || all_gone(**batch))) {
                ++batch;
                continue;
            }
            erase_extras(*current, **batch);
            batch_owners.erase((*batch)->serial);
            batch = batches.erase(batch);
        }
        if (!current->removed || current->uses != 0 || !current->batches.empty()) {
            return;
        }
        Directory* const parent = current->parent;
        directories.erase(current->serial);
        MEMCGFS_ASSERT(parent->uses > 0);
        parent->uses--;
        current = parent;
    }
}

bool Tree::State::refresh_files(Directory& directory) {
    if (directory.key == DirKey{} || directory.removed) {
        return false;
    }
    const std::uint64_t version = provider.files_version(directory.key);
    const bool first = directory.listing == nullptr;
    if (!first && version == directory.files_version) {
        return false;
    }
    directory.listing = tables.intern(provider.files(directory.key));
    directory.files_version = version;
    const FileTable& listing = *directory.listing;
    std::vector<bool> known(listing.files.size());
    for (const auto& batch : directory.batches) {
        for (std::size_t i = 0; i < batch->table->files.size(); i++) {
            if (batch->is_gone(i)) {
                continue;
            }
            const FileIndex index = batch->table->files[i].index;
            const auto position = listing.position_of(index);
            if (position && provider.made_at_version(directory.key, index) <= batch->version) {
                known[*position] = true;
            } else {
                mark_gone(*batch, i);
            }
        }
    }
    make_batch(directory, known);
    return true;
}

void Tree::State::make_batch(Directory& directory, const std::vector<bool>& known) {
    const FileTable& listing = *directory.listing;
    std::vector<FileInfo> fresh;
    for (std::size_t i = 0; i < listing.files.size(); i++) {
        if (!known[i]) {
            fresh.push_back(listing.files[i]);
        }
    }
    if (fresh.empty()) {
        return;
    }
    auto batch = std::make_unique<FileBatch>();
    const bool first = !directory.has_first_batch;
    directory.has_first_batch = true;
    batch->serial = first ? directory.serial : next_serial++;
    batch->first_inode = directory.hierarchy->next_inode;
    directory.hierarchy->next_inode += fresh.size();
    batch->table = tables.intern(fresh);
    // Read again: the files may have changed once more since, and are then of that version.
    batch->version = provider.files_version(directory.key);
    if (!first) {
        batch_owners.emplace(batch->serial, &directory);
    }
    directory.batches.push_back(std::move(batch));
}

std::optional<NodeRef> Tree::State::find(NodeId node) {
    const std::uint64_t serial = static_cast<std::uint64_t>(node) >> kSerialShift;
    const std::uint64_t low = static_cast<std::uint64_t>(node) & kLowMask;
    Directory* directory = nullptr;
    if (const auto found = directories.find(serial); found != directories.end()) {
        directory = found->second.get();
        if (low == kDirectoryLow) {
            return NodeRef{directory};
        }
    } else if (const auto owner = batch_owners.find(serial); owner != batch_owners.end()) {
        directory = owner->second;
    }
    if (directory == nullptr || low < kFirstFileLow) {
        return std::nullopt;
    }
    for (const auto& batch : directory->batches) {
        if (batch->serial == serial) {
            const auto position = batch->table->position_of(
                FileIndex{static_cast<std::uint16_t>(low - kFirstFileLow)});
            if (position) {
                return NodeRef{directory, batch.get(), *position};
            }
        }
    }
    return std::nullopt;
}

Result<Directory*> Tree::State::find_directory(NodeId node) {
    const auto found = find(node);
    if (!found || (found->batch == nullptr && found->directory->removed)) {
        return Err(Errno::kENOENT);
    }
    if (found->batch != nullptr || !found->directory->link_target.empty()) {
        return Err(Errno::kENOTDIR);
    }
    return found->directory;
}

NodeRef Tree::State::live_file(Directory& directory, FileIndex index) {
    for (const auto& batch : directory.batches) {
        const auto position = batch->table->position_of(index);
        if (position && !batch->is_gone(*position)) {
            return NodeRef{&directory, batch.get(), *position};
        }
    }
    MEMCGFS_UNREACHABLE();
}

std::optional<NodeRef> Tree::State::find_child(Directory& directory, std::string_view name) {
    if (refresh_files(directory)) {
        collect(directory);
    }
    if (directory.listing != nullptr) {
        if (const FileInfo* info = directory.listing->find(name); info != nullptr) {
            return live_file(directory, info->index);
        }
    }
    const auto child = directory.children.find(ChildKey{name_hash(name), std::string(name)});
    if (child == directory.children.end()) {
        return std::nullopt;
    }
    return NodeRef{child->second};
}

bool Tree::State::is_dead(const NodeRef& node) {
    refresh_files(*node.directory);
    if (node.directory->removed) {
        return true;
    }
    return node.batch != nullptr && (node.batch->is_gone(node.position) ||
                                     !provider.alive(node.directory->key, node.info().index));
}

}  // namespace memcgfs::vfs
