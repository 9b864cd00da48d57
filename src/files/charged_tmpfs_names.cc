// SPDX-License-Identifier: MIT
//
// Names and attributes: the file system's own, under its lock.
#include <utility>

#include "memcgfs/files/charged_tmpfs.h"

namespace memcgfs::files {

namespace {

/// What the kernel is told of an inode that it holds from then on.
Result<FileSystem::Entry> enter(Tmpfs& fs, const Result<InodeId>& inode) {
    if (!inode.ok()) {
        return Err(inode.error());
    }
    const struct stat status = MEMCGFS_TRY(fs.getattr(*inode));
    fs.hold(*inode);
    return FileSystem::Entry{*inode, status};
}

Result<FileSystem::Created> enter_open(Tmpfs& fs, const Result<InodeId>& inode) {
    FileSystem::Created created;
    created.entry = MEMCGFS_TRY(enter(fs, inode));
    fs.open(*inode);
    return created;
}

/// "." and ".." have the last places: a listing goes from the newest entry to the oldest, whose
/// places are above these.
constexpr off_t kDot = INT64_MAX;
constexpr off_t kDotDot = INT64_MAX - 1;

}  // namespace

Result<FileSystem::Entry> ChargedTmpfs::lookup(const Name& name) {
    return with([&](Tmpfs& fs) { return enter(fs, fs.lookup(name)); });
}

Result<FileSystem::Entry> ChargedTmpfs::make(const Name& name, const NewInode& wanted) {
    return with([&](Tmpfs& fs) { return enter(fs, fs.make(name, wanted)); });
}

Result<FileSystem::Created> ChargedTmpfs::create(const Name& name, const NewInode& wanted,
                                                 int /*flags*/) {
    return with([&](Tmpfs& fs) { return enter_open(fs, fs.make(name, wanted)); });
}

Result<FileSystem::Created> ChargedTmpfs::create_unnamed(InodeId directory, const NewInode& wanted,
                                                         int /*flags*/) {
    return with([&](Tmpfs& fs) { return enter_open(fs, fs.make_unnamed(directory, wanted)); });
}

Result<FileSystem::Entry> ChargedTmpfs::link(InodeId inode, const Name& name) {
    return with([&](Tmpfs& fs) -> Result<Entry> {
        MEMCGFS_TRY(fs.link(inode, name));
        return enter(fs, inode);
    });
}

Result<void> ChargedTmpfs::unlink(const Name& name) {
    return with([&](Tmpfs& fs) { return fs.unlink(name); });
}

Result<void> ChargedTmpfs::rmdir(const Name& name) {
    return with([&](Tmpfs& fs) { return fs.rmdir(name); });
}

Result<void> ChargedTmpfs::rename(const Name& from, const Name& to, unsigned flags) {
    return with([&](Tmpfs& fs) { return fs.rename(from, to, flags); });
}

Result<std::string> ChargedTmpfs::readlink(InodeId inode) {
    return with([&](Tmpfs& fs) { return fs.readlink(inode); });
}

void ChargedTmpfs::forget(InodeId inode, std::uint64_t count) {
    with([&](Tmpfs& fs) { fs.forget(inode, count); });
}

Result<Handle> ChargedTmpfs::open_directory(InodeId /*directory*/) { return Err(Errno::kENOSYS); }

Result<std::vector<FileSystem::Listed>> ChargedTmpfs::list(InodeId directory, Handle /*handle*/,
                                                           off_t place, std::size_t most) {
    return with([&](Tmpfs& fs) {
        const auto number = [](InodeId inode) { return static_cast<std::uint64_t>(inode); };
        const bool begins = place == 0 || place >= kDotDot;
        std::vector<Listed> listed;
        if (place == 0) {
            listed.push_back({".", number(directory), S_IFDIR, kDot});
        }
        if (place == 0 || place == kDot) {
            listed.push_back({"..", number(fs.parent_of(directory)), S_IFDIR, kDotDot});
        }
        for (const Tmpfs::Entry& entry :
             fs.list(directory, begins ? 0 : static_cast<std::uint64_t>(place), most)) {
            listed.push_back(
                {entry.name, number(entry.inode), entry.mode, static_cast<off_t>(entry.cookie)});
        }
        return Result<std::vector<Listed>>(std::move(listed));
    });
}

Result<struct stat> ChargedTmpfs::getattr(InodeId inode) {
    return with([&](Tmpfs& fs) { return fs.getattr(inode); });
}

Result<struct stat> ChargedTmpfs::setattr(InodeId inode, const AttributeChange& change,
                                          std::optional<Handle> /*handle*/) {
    return with([&](Tmpfs& fs) -> Result<struct stat> {
        MEMCGFS_TRY(fs.setattr(inode, change));
        return fs.getattr(inode);
    });
}

Result<struct statvfs> ChargedTmpfs::statfs(InodeId /*inode*/) {
    return with([](Tmpfs& fs) { return Result<struct statvfs>(fs.statfs()); });
}

Result<void> ChargedTmpfs::setxattr(InodeId inode, const std::string& name, std::string_view value,
                                    int flags) {
    return with([&](Tmpfs& fs) { return fs.setxattr(inode, name, value, flags); });
}

Result<std::string> ChargedTmpfs::getxattr(InodeId inode, const std::string& name) {
    return with([&](Tmpfs& fs) { return fs.getxattr(inode, name); });
}

Result<std::string> ChargedTmpfs::listxattr(InodeId inode) {
    return with([&](Tmpfs& fs) -> Result<std::string> {
        const std::vector<std::string> names = MEMCGFS_TRY(fs.listxattr(inode));
        std::string list;
        for (const std::string& name : names) {
            list.append(name).push_back('\0');
        }
        return list;
    });
}

Result<void> ChargedTmpfs::removexattr(InodeId inode, const std::string& name) {
    return with([&](Tmpfs& fs) { return fs.removexattr(inode, name); });
}

}  // namespace memcgfs::files
