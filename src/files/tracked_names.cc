// SPDX-License-Identifier: MIT
//
// Names of a tracked directory.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "files/tracked_inodes.h"
#include "memcgfs/files/tracked_directory.h"

namespace memcgfs::files {

namespace {

constexpr mode_t kModeBits = 07777;

Failed<Errno> failed() { return Err(static_cast<Errno>(errno)); }

/// Bits of open(2) that mean the same of the real file.
int real_flags(int flags) {
    // Writes say where they go, the kernel has looked at the name, and buffers are ours.
    return (flags & ~(O_APPEND | O_DIRECT | O_NOFOLLOW | O_TMPFILE | O_CREAT | O_EXCL | O_TRUNC)) |
           O_CLOEXEC;
}

/// A file that has just been made belongs to who asked for it, and has the mode that was asked for:
/// this process' umask is not the caller's. Who may not give files away keeps them.
void hand_over(int file, const NewInode& wanted, bool group_of_directory) {
    struct stat status{};
    if (fstatat(file, "", &status, AT_EMPTY_PATH) != 0) {
        return;
    }
    const gid_t group = group_of_directory ? status.st_gid : wanted.gid;
    if (status.st_uid != wanted.uid || status.st_gid != group) {
        (void)!fchownat(file, "", wanted.uid, group, AT_EMPTY_PATH);
    }
    const mode_t mode = status.st_mode | (wanted.mode & kModeBits);
    if (!S_ISLNK(status.st_mode) && (fstatat(file, "", &status, AT_EMPTY_PATH) != 0 ||
                                     (status.st_mode & kModeBits) != (mode & kModeBits))) {
        (void)!chmod(("/proc/self/fd/" + std::to_string(file)).c_str(), mode & kModeBits);
    }
}

bool gives_group(const TrackedInode& directory) {
    return (directory.status().st_mode & S_ISGID) != 0;
}

int make_real(int directory, const std::string& name, const NewInode& wanted) {
    if (S_ISDIR(wanted.mode)) {
        return mkdirat(directory, name.c_str(), wanted.mode & kModeBits);
    }
    if (S_ISLNK(wanted.mode)) {
        return symlinkat(wanted.target.c_str(), directory, name.c_str());
    }
    return mknodat(directory, name.c_str(), wanted.mode, wanted.device);
}

UniqueFd path_to(int directory, const std::string& name) {
    return UniqueFd(openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

struct OpenDirectory {
    DIR* stream = nullptr;
    off_t at = 0;
};

OpenDirectory& directory_of(Handle handle) { return *reinterpret_cast<OpenDirectory*>(handle); }

}  // namespace

Result<FileSystem::Entry> TrackedDirectory::enter_name(int directory, const std::string& name) {
    UniqueFd file = path_to(directory, name);
    if (!file.valid()) {
        return failed();
    }
    return enter(std::move(file));
}

/// Takes an open file over, whose number is its handle.
Result<FileSystem::Created> TrackedDirectory::enter_open(UniqueFd file) {
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!place.valid()) {
        return failed();
    }
    Created created;
    created.entry = MEMCGFS_TRY(enter(std::move(place)));
    created.handle = static_cast<Handle>(file.release());
    const MutexLock lock(mutex_);
    inodes_->find(created.entry.inode)->opens++;
    return created;
}

Result<FileSystem::Entry> TrackedDirectory::lookup(const Name& name) {
    const Inode parent = MEMCGFS_TRY(find(name.directory));
    return enter_name(parent->file.get(), std::string(name.name));
}

Result<FileSystem::Entry> TrackedDirectory::make(const Name& name, const NewInode& wanted) {
    const Inode parent = MEMCGFS_TRY(find(name.directory));
    const std::string text(name.name);
    if (make_real(parent->file.get(), text, wanted) != 0) {
        return failed();
    }
    UniqueFd file = path_to(parent->file.get(), text);
    if (!file.valid()) {
        return failed();
    }
    hand_over(file.get(), wanted, gives_group(*parent));
    return enter(std::move(file));
}

Result<FileSystem::Created> TrackedDirectory::create(const Name& name, const NewInode& wanted,
                                                     int flags) {
    const Inode parent = MEMCGFS_TRY(find(name.directory));
    const std::string text(name.name);
    UniqueFd file(openat(parent->file.get(), text.c_str(),
                         real_flags(flags) | O_CREAT | O_EXCL | O_NOFOLLOW,
                         wanted.mode & kModeBits));
    if (file.valid()) {
        hand_over(file.get(), wanted, gives_group(*parent));
        return enter_open(std::move(file));
    }
    if (errno != EEXIST || (flags & O_EXCL) != 0) {
        return failed();
    }
    // Somebody has been faster, whom the kernel does not know of.
    file.reset(openat(parent->file.get(), text.c_str(), real_flags(flags) | O_NOFOLLOW));
    if (!file.valid() || ((flags & O_TRUNC) != 0 && ftruncate(file.get(), 0) != 0)) {
        return failed();
    }
    const Created created = MEMCGFS_TRY(enter_open(std::move(file)));
    trim(*MEMCGFS_TRY(find(created.entry.inode)));
    return created;
}

Result<FileSystem::Created> TrackedDirectory::create_unnamed(InodeId directory,
                                                             const NewInode& wanted, int flags) {
    const Inode parent = MEMCGFS_TRY(find(directory));
    UniqueFd file(openat(parent->file.get(), ".", real_flags(flags) | O_TMPFILE | (flags & O_EXCL),
                         wanted.mode & kModeBits));
    if (!file.valid()) {
        return failed();
    }
    hand_over(file.get(), wanted, gives_group(*parent));
    return enter_open(std::move(file));
}

Result<FileSystem::Entry> TrackedDirectory::link(InodeId id, const Name& name) {
    const Inode inode = MEMCGFS_TRY(find(id));
    const Inode parent = MEMCGFS_TRY(find(name.directory));
    const std::string text(name.name);
    if (linkat(AT_FDCWD, inode->path().c_str(), parent->file.get(), text.c_str(),
               AT_SYMLINK_FOLLOW) != 0) {
        return failed();
    }
    return enter_name(parent->file.get(), text);
}

Result<void> TrackedDirectory::unlink(const Name& name) {
    const Inode parent = MEMCGFS_TRY(find(name.directory));
    const std::string text(name.name);
    const Inode inode = known(parent->file.get(), text);
    if (unlinkat(parent->file.get(), text.c_str(), 0) != 0) {
        return failed();
    }
    if (inode != nullptr) {
        end_if_unused(*inode);
    }
    return {};
}

Result<void> TrackedDirectory::rmdir(const Name& name) {
    const Inode parent = MEMCGFS_TRY(find(name.directory));
    if (unlinkat(parent->file.get(), std::string(name.name).c_str(), AT_REMOVEDIR) != 0) {
        return failed();
    }
    return {};
}

Result<void> TrackedDirectory::rename(const Name& from, const Name& to, unsigned flags) {
    const Inode one = MEMCGFS_TRY(find(from.directory));
    const Inode other = MEMCGFS_TRY(find(to.directory));
    const std::string target(to.name);
    const Inode replaced = known(other->file.get(), target);
    if (renameat2(one->file.get(), std::string(from.name).c_str(), other->file.get(),
                  target.c_str(), flags) != 0) {
        return failed();
    }
    if (replaced != nullptr) {
        end_if_unused(*replaced);
    }
    return {};
}

Result<std::string> TrackedDirectory::readlink(InodeId id) {
    const Inode inode = MEMCGFS_TRY(find(id));
    std::string target(PATH_MAX, '\0');
    const ssize_t size = readlinkat(inode->file.get(), "", target.data(), target.size());
    if (size < 0) {
        return failed();
    }
    target.resize(static_cast<std::size_t>(size));
    return target;
}

Result<Handle> TrackedDirectory::open_directory(InodeId id) {
    const Inode inode = MEMCGFS_TRY(find(id));
    UniqueFd file(openat(inode->file.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR* const stream = file.valid() ? fdopendir(file.get()) : nullptr;
    if (stream == nullptr) {
        return failed();
    }
    file.release();
    return reinterpret_cast<Handle>(std::make_unique<OpenDirectory>(stream, 0).release());
}

void TrackedDirectory::close_directory(InodeId /*directory*/, Handle handle) {
    const std::unique_ptr<OpenDirectory> directory(&directory_of(handle));
    closedir(directory->stream);
}

Result<std::vector<FileSystem::Listed>> TrackedDirectory::list(InodeId /*directory*/, Handle handle,
                                                               off_t place, std::size_t most) {
    OpenDirectory& directory = directory_of(handle);
    if (place == 0) {
        rewinddir(directory.stream);
    } else if (place != directory.at) {
        seekdir(directory.stream, place);
    }
    std::vector<Listed> listed;
    directory.at = place;
    while (listed.size() < most) {
        errno = 0;
        const dirent* const entry = readdir(directory.stream);
        if (entry == nullptr) {
            if (errno != 0 && listed.empty()) {
                return failed();
            }
            break;
        }
        directory.at = entry->d_off;
        listed.push_back({entry->d_name, entry->d_ino, static_cast<mode_t>(DTTOIF(entry->d_type)),
                          entry->d_off});
    }
    return listed;
}

}  // namespace memcgfs::files
