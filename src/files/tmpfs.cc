// SPDX-License-Identifier: MIT
//
// Names, and how inodes begin and end.
#include "memcgfs/files/tmpfs.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <cerrno>
#include <utility>

#include "files/tmpfs_inode.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::files {

namespace {
constexpr std::size_t kNameMost = 255;
}  // namespace

Tmpfs::Tmpfs(PageBank& bank, Options options) : bank_(bank), options_(std::move(options)) {
    Inode root(kRootInode, bank_);  // stands in for a parent: gives nothing on
    const auto made = add_inode(
        {.mode = S_IFDIR | options_.mode, .uid = options_.uid, .gid = options_.gid}, root);
    MEMCGFS_ASSERT(made.ok() && *made == kRootInode);
    Inode& inode = *find(kRootInode);
    inode.entries->parent = kRootInode;
    inode.links = 2;
}

Tmpfs::~Tmpfs() = default;

Tmpfs::Inode* Tmpfs::find(InodeId inode) const {
    const auto found = inodes_.find(static_cast<std::uint64_t>(inode));
    return found == inodes_.end() ? nullptr : found->second.get();
}

Result<Tmpfs::Inode*> Tmpfs::directory(InodeId id) const {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    return inode->is_directory() ? Result<Inode*>(inode) : Err(Errno::kENOTDIR);
}

void Tmpfs::touch(Inode& inode) const { inode.modified = inode.changed = options_.now(); }

bool Tmpfs::takes_inode() {
    if (options_.limits.inodes != 0 && used_inodes_ >= options_.limits.inodes) {
        return false;
    }
    used_inodes_++;
    return true;
}

Result<InodeId> Tmpfs::add_inode(const NewInode& wanted, const Inode& parent) {
    if (!takes_inode()) {
        return Err(Errno::kENOSPC);
    }
    const InodeId id{next_inode_++};
    auto inode = std::make_unique<Inode>(id, bank_);
    inode->mode = wanted.mode;
    inode->uid = wanted.uid;
    inode->gid = wanted.gid;
    if ((parent.mode & S_ISGID) != 0) {
        inode->gid = parent.gid;
        inode->mode |= S_ISDIR(wanted.mode) ? S_ISGID : 0U;
    }
    inode->device = wanted.device;
    inode->target = wanted.target;
    inode->size = wanted.target.size();
    inode->accessed = inode->modified = inode->changed = options_.now();
    if (inode->is_directory()) {
        inode->entries = std::make_unique<Directory>();
        inode->size = 2 * kEntryBytes;
        inode->links = 1;  // "."
    }
    inodes_.emplace(static_cast<std::uint64_t>(id), std::move(inode));
    return id;
}

void Tmpfs::add_name(Inode& directory, std::string_view name, Inode& inode) {
    const std::uint64_t cookie = next_cookie_++;
    const auto [place, added] =
        directory.entries->names.emplace(name, Directory::Place{inode.id, cookie});
    MEMCGFS_ASSERT(added);
    directory.entries->by_cookie.emplace(cookie, &place->first);
    directory.size += kEntryBytes;
    inode.links++;
    if (inode.is_directory()) {
        inode.entries->parent = directory.id;
        directory.links++;  // ".."
    }
    touch(directory);
}

/// The inode keeps its count of links: drop_link() is the caller's affair.
void Tmpfs::remove_name(Inode& directory, std::string_view name) {
    const auto place = directory.entries->names.find(name);
    MEMCGFS_ASSERT(place != directory.entries->names.end());
    if (find(place->second.inode)->is_directory()) {
        directory.links--;
    }
    directory.entries->by_cookie.erase(place->second.cookie);
    directory.entries->names.erase(place);
    directory.size -= kEntryBytes;
    touch(directory);
}

void Tmpfs::drop_link(Inode& inode) {
    inode.changed = options_.now();
    inode.links -= inode.is_directory() ? 2 : 1;
    if (inode.links > 0 && !inode.is_directory()) {
        used_inodes_--;  // a further name counts as an inode
    }
    end_if_unused(inode);
}

/// What nobody can reach any more pays for nothing; it ends when the kernel has forgotten it.
void Tmpfs::end_if_unused(Inode& inode) {
    if (inode.links > 0 || inode.opens > 0) {
        return;
    }
    freed_.push_back({inode.id, {}});
    if (inode.held == 0) {
        used_blocks_ -= inode.data.allocated();
        used_inodes_--;
        inodes_.erase(static_cast<std::uint64_t>(inode.id));
    }
}

Result<InodeId> Tmpfs::lookup(const Name& name) const {
    const Inode* const parent = MEMCGFS_TRY(directory(name.directory));
    if (name.name.size() > kNameMost) {
        return Err(Errno::kENAMETOOLONG);
    }
    const auto place = parent->entries->names.find(name.name);
    return place == parent->entries->names.end() ? Err(Errno::kENOENT)
                                                 : Result<InodeId>(place->second.inode);
}

Result<InodeId> Tmpfs::make(const Name& name, const NewInode& wanted) {
    const auto there = lookup(name);
    if (there.ok() || there.error() != Errno::kENOENT) {
        return Err(there.ok() ? Errno::kEEXIST : there.error());
    }
    Inode* const parent = MEMCGFS_TRY(directory(name.directory));
    if (parent->links == 0) {
        return Err(Errno::kENOENT);  // it has been removed
    }
    const InodeId made = MEMCGFS_TRY(add_inode(wanted, *parent));
    add_name(*parent, name.name, *find(made));
    return made;
}

Result<InodeId> Tmpfs::make_unnamed(InodeId id, const NewInode& wanted) {
    return add_inode(wanted, *MEMCGFS_TRY(directory(id)));
}

Result<void> Tmpfs::link(InodeId id, const Name& name) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    const auto there = lookup(name);
    if (there.ok() || there.error() != Errno::kENOENT) {
        return Err(there.ok() ? Errno::kEEXIST : there.error());
    }
    Inode* const parent = MEMCGFS_TRY(directory(name.directory));
    if (inode->is_directory()) {
        return Err(Errno::kEPERM);
    }
    if (parent->links == 0) {
        return Err(Errno::kENOENT);
    }
    if (inode->links > 0 && !takes_inode()) {
        return Err(Errno::kENOSPC);
    }
    add_name(*parent, name.name, *inode);
    inode->changed = parent->changed;
    return {};
}

Result<void> Tmpfs::unlink(const Name& name) {
    Inode& inode = *find(MEMCGFS_TRY(lookup(name)));
    if (inode.is_directory()) {
        return Err(Errno::kEISDIR);
    }
    remove_name(*find(name.directory), name.name);
    drop_link(inode);
    return {};
}

Result<void> Tmpfs::rmdir(const Name& name) {
    Inode& inode = *find(MEMCGFS_TRY(lookup(name)));
    if (!inode.is_directory()) {
        return Err(Errno::kENOTDIR);
    }
    if (!inode.entries->names.empty()) {
        return Err(Errno::kENOTEMPTY);
    }
    remove_name(*find(name.directory), name.name);
    drop_link(inode);
    return {};
}

bool Tmpfs::is_below(InodeId id, const Inode& above) const {
    for (InodeId at = id;; at = find(at)->entries->parent) {
        if (at == above.id) {
            return true;
        }
        if (at == kRootInode) {
            return false;
        }
    }
}

/// Takes away what `moved` is to replace.
Result<void> Tmpfs::rename_over(const Name& to, const Inode& moved) {
    const auto there = lookup(to);
    if (!there.ok()) {
        return there.error() == Errno::kENOENT ? Result<void>{} : Err(there.error());
    }
    if (moved.is_directory()) {
        return rmdir(to);
    }
    return unlink(to);
}

Result<void> Tmpfs::exchange(const Name& from, const Name& to) {
    Inode& first = *find(MEMCGFS_TRY(lookup(from)));
    Inode& second = *find(MEMCGFS_TRY(lookup(to)));
    Inode& one = *find(from.directory);
    Inode& other = *find(to.directory);
    if ((first.is_directory() && is_below(other.id, first)) ||
        (second.is_directory() && is_below(one.id, second))) {
        return Err(Errno::kEINVAL);
    }
    if (&first == &second) {
        return {};
    }
    remove_name(one, from.name);
    remove_name(other, to.name);
    first.links--;
    second.links--;
    add_name(one, from.name, second);
    add_name(other, to.name, first);
    first.changed = second.changed = one.changed;
    return {};
}

Result<void> Tmpfs::rename(const Name& from, const Name& to, unsigned flags) {
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) {
        return Err(Errno::kEINVAL);
    }
    if ((flags & RENAME_EXCHANGE) != 0) {
        return exchange(from, to);
    }
    Inode& moved = *find(MEMCGFS_TRY(lookup(from)));
    Inode* const parent = MEMCGFS_TRY(directory(to.directory));
    const auto there = lookup(to);
    if (there.ok() && (flags & RENAME_NOREPLACE) != 0) {
        return Err(Errno::kEEXIST);
    }
    if (there.ok() && *there == moved.id) {
        return {};  // two names of one file: nothing happens
    }
    if (parent->links == 0) {
        return Err(Errno::kENOENT);  // it has been removed
    }
    if (moved.is_directory() && is_below(parent->id, moved)) {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(rename_over(to, moved));
    remove_name(*find(from.directory), from.name);
    moved.links--;
    add_name(*parent, to.name, moved);
    moved.changed = parent->changed;
    return {};
}

Result<std::string> Tmpfs::readlink(InodeId id) const {
    const Inode* const inode = find(id);
    if (inode == nullptr || !S_ISLNK(inode->mode)) {
        return Err(inode == nullptr ? Errno::kENOENT : Errno::kEINVAL);
    }
    return inode->target;
}

std::vector<Tmpfs::Entry> Tmpfs::list(InodeId id, std::uint64_t cookie, std::size_t most) const {
    std::vector<Entry> entries;
    const Inode* const inode = find(id);
    if (inode == nullptr || !inode->is_directory()) {
        return entries;
    }
    const auto& places = inode->entries->by_cookie;
    auto at = std::make_reverse_iterator(cookie == 0 ? places.end() : places.lower_bound(cookie));
    for (; at != places.rend() && entries.size() < most; ++at) {
        const Directory::Place& place = inode->entries->names.find(*at->second)->second;
        entries.push_back({*at->second, place.inode, find(place.inode)->mode, at->first});
    }
    return entries;
}

InodeId Tmpfs::parent_of(InodeId id) const {
    const Inode* const inode = find(id);
    return inode == nullptr || !inode->is_directory() ? kRootInode : inode->entries->parent;
}

void Tmpfs::hold(InodeId inode) { find(inode)->held++; }

void Tmpfs::forget(InodeId id, std::uint64_t count) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return;
    }
    MEMCGFS_ASSERT(inode->held >= count);
    inode->held -= count;
    if (inode->held == 0) {
        end_if_unused(*inode);
    }
}

void Tmpfs::open(InodeId inode) { find(inode)->opens++; }

void Tmpfs::close(InodeId id) {
    Inode& inode = *find(id);
    inode.opens--;
    end_if_unused(inode);
}

std::vector<Tmpfs::Freed> Tmpfs::take_freed() { return std::exchange(freed_, {}); }

}  // namespace memcgfs::files
