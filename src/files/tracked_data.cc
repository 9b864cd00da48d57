// SPDX-License-Identifier: MIT
//
// Contents of the files of a tracked directory.
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "files/tracked_inodes.h"
#include "memcgfs/files/page_bank.h"
#include "memcgfs/files/tracked_directory.h"

namespace memcgfs::files {

namespace {

Failed<Errno> failed() { return Err(static_cast<Errno>(errno)); }

int file_of(Handle handle) { return static_cast<int>(handle); }

std::uint64_t size_of(int file) {
    struct stat status{};
    return fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Whether a part of the file is a hole, or lies behind its end. False where the file system does
/// not say.
bool is_hole(int file, std::uint64_t offset, std::uint64_t size) {
    const off_t data = lseek(file, static_cast<off_t>(offset), SEEK_DATA);
    return data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) >= offset + size;
}

/// How many bytes; an error if none.
Result<std::uint64_t> put(int file, std::uint64_t offset, std::span<const std::byte> bytes) {
    std::uint64_t done = 0;
    while (done < bytes.size()) {
        const ssize_t part = pwrite(file, bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(offset + done));
        if (part <= 0) {
            return done > 0 ? Result<std::uint64_t>(done) : failed();
        }
        done += static_cast<std::uint64_t>(part);
    }
    return done;
}

/// Zeros take room only where there is something else.
Result<std::uint64_t> put_zeros(int file, std::uint64_t offset, std::uint64_t size) {
    static constexpr std::array<std::byte, 16 * kPageSize> kZeros{};
    const std::uint64_t end = offset + size;
    const std::uint64_t length = size_of(file);
    const std::uint64_t inside = length > offset ? std::min(length, end) - offset : 0;
    if (inside > 0 && is_hole(file, offset, inside)) {
        constexpr std::array<timespec, 2> kWritten = {timespec{0, UTIME_OMIT},
                                                      timespec{0, UTIME_NOW}};
        (void)!futimens(file, kWritten.data());
    } else {
        for (std::uint64_t done = 0; done < inside;) {
            const std::uint64_t part = std::min<std::uint64_t>(inside - done, kZeros.size());
            const auto written = put(file, offset + done, std::span(kZeros).first(part));
            if (!written.ok()) {
                return done > 0 ? Result<std::uint64_t>(done) : written;
            }
            done += *written;
        }
    }
    if (end > length && ftruncate(file, static_cast<off_t>(end)) != 0) {
        return inside > 0 ? Result<std::uint64_t>(inside) : failed();
    }
    return size;
}

/// The whole pages in a part of a file, which lose what is in them.
PageRun inner_pages(std::uint64_t offset, std::uint64_t size) {
    const std::uint64_t first = (offset + kPageSize - 1) / kPageSize;
    const std::uint64_t end = (offset + size) / kPageSize;
    return {first, end > first ? end - first : 0};
}

}  // namespace

Result<Handle> TrackedDirectory::open(InodeId id, int flags) {
    const Inode inode = MEMCGFS_TRY(find(id));
    // Writes say where they go, and buffers are ours.
    constexpr int kNotOurs = O_APPEND | O_DIRECT | O_NOFOLLOW | O_CREAT | O_EXCL | O_TRUNC;
    UniqueFd file(::open(inode->path().c_str(), (flags & ~kNotOurs) | O_CLOEXEC));
    if (!file.valid()) {
        return failed();
    }
    {
        const MutexLock lock(mutex_);
        inode->opens++;
    }
    trim(*inode);  // others may have cut it
    return static_cast<Handle>(file.release());
}

Result<std::unique_ptr<Work>> TrackedDirectory::write(const Access& access,
                                                      std::span<const std::byte> bytes) {
    const Inode inode = MEMCGFS_TRY(find(access.inode));
    const engine::TaskId task = parts_.payers.of(access.thread);
    const int file = file_of(access.handle);
    const std::uint64_t offset = access.append ? size_of(file) : access.offset;
    Work::Charge charge = begin(*inode, task, pages_of(offset, bytes.size()), true);
    std::vector<std::byte> copy;
    if (!is_zero(bytes)) {
        copy.assign(bytes.begin(), bytes.end());
    }
    auto finish = [this, inode, access, file, offset, size = bytes.size(),
                   copy = std::move(copy)](const Result<void>& charged) {
        Result<std::uint64_t> written = std::uint64_t{0};
        if (charged.ok()) {
            const MutexLock lock(inode->size);
            const std::uint64_t place = access.append ? size_of(file) : offset;
            written = copy.empty() ? put_zeros(file, place, size) : put(file, place, copy);
        } else {
            written = Err(charged.error());
        }
        end(*inode, true);
        return written;
    };
    return std::make_unique<Work>(parts_, std::move(charge), std::move(finish));
}

Result<std::unique_ptr<Work>> TrackedDirectory::read(const Access& access, bool /*fault*/) {
    const Inode inode = MEMCGFS_TRY(find(access.inode));
    const engine::TaskId task = parts_.payers.of(access.thread);
    const std::uint64_t length = size_of(file_of(access.handle));
    const std::uint64_t size =
        access.offset >= length ? 0 : std::min(access.size, length - access.offset);
    auto finish = [this, inode](const Result<void>& charged) {
        end(*inode, false);
        return charged.ok() ? Result<std::uint64_t>(0) : Err(charged.error());
    };
    return std::make_unique<Work>(parts_, begin(*inode, task, pages_of(access.offset, size), false),
                                  std::move(finish));
}

Result<FileSystem::ReadOutcome> TrackedDirectory::fetch(const Access& access,
                                                        std::span<std::byte> bytes) {
    const int file = file_of(access.handle);
    const std::uint64_t length = size_of(file);
    const std::uint64_t most =
        access.offset >= length ? 0 : std::min<std::uint64_t>(bytes.size(), length - access.offset);
    if (most > 0 && is_hole(file, access.offset, most)) {
        return ReadOutcome{most, true};  // the host's page cache is spared
    }
    const ssize_t size = pread(file, bytes.data(), most, static_cast<off_t>(access.offset));
    if (size < 0) {
        return failed();
    }
    return ReadOutcome{static_cast<std::uint64_t>(size), false};
}

Result<std::unique_ptr<Work>> TrackedDirectory::allocate(const Access& access, int mode) {
    const Inode inode = MEMCGFS_TRY(find(access.inode));
    {
        const MutexLock lock(inode->size);
        if (fallocate(file_of(access.handle), mode, static_cast<off_t>(access.offset),
                      static_cast<off_t>(access.size)) != 0) {
            return failed();
        }
    }
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
        free_pages(*inode, inner_pages(access.offset, access.size));
    }
    return std::make_unique<Work>(parts_, Work::Charge{},
                                  [](const Result<void>&) { return Result<std::uint64_t>(0); });
}

Result<std::unique_ptr<Work>> TrackedDirectory::sync(const Access& access, bool data_only) {
    const Inode inode = MEMCGFS_TRY(find(access.inode));
    Work::Charge charge;
    {
        const MutexLock lock(mutex_);
        charge.mapping = inode->mapping;
        charge.sync = static_cast<bool>(inode->mapping);
    }
    const int file = file_of(access.handle);
    auto finish = [file, data_only](const Result<void>& written) -> Result<std::uint64_t> {
        if (!written.ok()) {
            return Err(written.error());
        }
        if ((data_only ? fdatasync(file) : fsync(file)) != 0) {
            return failed();
        }
        return std::uint64_t{0};
    };
    return std::make_unique<Work>(parts_, std::move(charge), std::move(finish));
}

Result<std::uint64_t> TrackedDirectory::seek(const Access& access, int whence) {
    const off_t place = lseek(file_of(access.handle), static_cast<off_t>(access.offset), whence);
    if (place < 0) {
        return failed();
    }
    return static_cast<std::uint64_t>(place);
}

}  // namespace memcgfs::files
