// SPDX-License-Identifier: MIT
#include "cli/puppet.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace memcgfs::cli {

using interface::ControlMessage;
using interface::ControlOp;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kRegionsMax = 256;
/// Of file input and output: an interrupted request is repeated whole, so it is kept short.
constexpr std::uint64_t kPagesPerRequest = 1024;
constexpr std::uint64_t kObjectsPerRequest = 1024;

constexpr std::uint64_t pages_of(std::uint64_t bytes) {
    return bytes / kPage + (bytes % kPage != 0 ? 1 : 0);
}

ControlMessage request(ControlOp op) {
    ControlMessage message;
    message.op = op;
    return message;
}

}  // namespace

/// A real file, sparse; its descriptor and what the server must know of it.
class Puppet::File {
public:
    File(const char* path, int flags) : descriptor_(open(path, flags | O_CLOEXEC, 0644)) {
        struct statfs system{};
        if (descriptor_ < 0 || fstat(descriptor_, &status_) != 0 ||
            fstatfs(descriptor_, &system) != 0) {
            error_ = errno;
            return;
        }
        on_tmpfs_ = system.f_type == TMPFS_MAGIC;
    }
    ~File() {
        if (descriptor_ >= 0) {
            close(descriptor_);
        }
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    HostErrno error() const { return error_; }
    bool on_tmpfs() const { return on_tmpfs_; }
    int descriptor() const { return descriptor_; }
    int take() { return std::exchange(descriptor_, -1); }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }
    HostErrno resize(std::uint64_t bytes) const {
        return ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
    }
    ControlMessage request(ControlOp op) const {
        ControlMessage message = cli::request(op);
        message.args = {status_.st_dev, status_.st_ino, on_tmpfs_ ? 1U : 0U,
                        static_cast<std::uint64_t>(descriptor_)};
        return message;
    }

private:
    int descriptor_;
    HostErrno error_ = 0;
    struct stat status_{};
    bool on_tmpfs_ = false;
};

HostErrno Puppet::connect(const std::string& directory, Membership wanted,
                          std::optional<std::int64_t> oom_score_adj) {
    directory_ = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_ < 0) {
        return errno;
    }
    ControlMessage message = request(ControlOp::kHello);
    if (oom_score_adj) {
        message.args = {1, static_cast<std::uint64_t>(*oom_score_adj)};
    }
    HostErrno error =
        ioctl(directory_, interface::kControlIoctl, &message) == 0 ? message.result : errno;
    if (error == 0 && wanted == Membership::kInGroup && message.args[0] == 0) {
        error = EAGAIN;
    }
    if (error != 0) {
        close(std::exchange(directory_, -1));
    }
    return error;
}

Puppet::~Puppet() {
    if (directory_ >= 0) {
        ControlMessage message = request(ControlOp::kBye);
        ioctl(directory_, interface::kControlIoctl, &message);
        close(directory_);
    }
}

HostErrno Puppet::ask(ControlMessage& message) {
    const ControlMessage original = message;
    for (;;) {
        const HostErrno channel =
            ioctl(directory_, interface::kControlIoctl, &message) == 0 ? 0 : errno;
        if (channel == ESRCH) {
            // The engine has killed this process; the signal is on its way.
            kill(getpid(), SIGKILL);
        }
        if (channel != 0 && channel != EINTR) {
            return channel;
        }
        if (channel == 0 && message.result != EINTR) {
            return message.result;
        }
        message = original;
    }
}

HostErrno Puppet::touch(const Region& region, Access access) {
    ControlMessage message = request(ControlOp::kTouch);
    message.args = {region.number, 0, region.pages, static_cast<std::uint64_t>(access)};
    return ask(message);
}

HostErrno Puppet::keep(Region region, ControlMessage& message) {
    if (regions_.size() == kRegionsMax) {
        return ENFILE;
    }
    const HostErrno error = ask(message);
    if (error == 0) {
        region.number = message.args[0];
        regions_.push_back(region);
    }
    return error;
}

HostErrno Puppet::check_lock(std::uint64_t bytes) {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    if (geteuid() == 0 || locked_bytes_ + bytes <= limit.rlim_cur) {
        return 0;
    }
    return limit.rlim_cur == 0 ? EPERM : ENOMEM;
}

HostErrno Puppet::map_memory(Memory kind, std::uint64_t bytes) {
    if (bytes == 0) {
        return EINVAL;
    }
    Region region;
    region.pages = pages_of(bytes);
    const bool is_private =
        kind == Memory::kPrivate || kind == Memory::kHuge || kind == Memory::kLocked;
    ControlMessage message = request(is_private ? ControlOp::kAnon : ControlOp::kShared);
    message.args = {region.pages, kind == Memory::kHuge ? 1U : 0U};
    int segment = -1;
    if (kind == Memory::kKeptSegment) {
        // A real one, untouched, so that ipcs shows and ipcrm removes it.
        segment = shmget(IPC_PRIVATE, bytes, IPC_CREAT | SHM_NORESERVE | 0600);
        region.segment = segment < 0 ? nullptr : shmat(segment, nullptr, 0);
        if (segment < 0 || region.segment == reinterpret_cast<void*>(-1)) {
            return errno;
        }
        message.op = ControlOp::kSegment;
        message.args[1] = static_cast<std::uint64_t>(segment);
    }
    HostErrno lock_error = 0;
    if (kind == Memory::kLocked) {
        lock_error = check_lock(region.pages * kPage);
        region.locked = lock_error == 0;
    }
    HostErrno error = keep(region, message);
    if (error != 0) {
        if (segment >= 0) {
            shmctl(segment, IPC_RMID, nullptr);
        }
        return error;
    }
    if (region.locked) {
        locked_bytes_ += region.pages * kPage;
        ControlMessage lock = request(ControlOp::kLock);
        lock.args = {regions_.back().number};
        lock_error = ask(lock);
    }
    error = touch(regions_.back(), Access::kWrite);
    return lock_error != 0 ? lock_error : error;
}

HostErrno Puppet::map_file(const char* path, std::uint64_t bytes) {
    File file(path, O_RDWR | O_CREAT);
    HostErrno error = file.error();
    if (error == 0 && file.size() < bytes) {
        error = file.resize(bytes);
    }
    if (error == 0 && bytes == 0) {
        error = EINVAL;
    }
    if (error != 0) {
        return error;
    }
    ControlMessage message = file.request(ControlOp::kMapFile);
    Region region;
    region.pages = pages_of(bytes);
    region.descriptor = file.descriptor();
    error = keep(region, message);
    if (error != 0) {
        return error;
    }
    file.take();
    return touch(regions_.back(), Access::kWrite);
}

HostErrno Puppet::transfer(const File& file, std::uint64_t bytes, Access access) {
    const std::uint64_t pages = pages_of(bytes);
    for (std::uint64_t first = 0; first < pages; first += kPagesPerRequest) {
        const std::uint64_t count = std::min(kPagesPerRequest, pages - first);
        ControlMessage message = file.request(ControlOp::kFileIo);
        message.args[4] = first;
        message.args[5] = count;
        message.args[6] = static_cast<std::uint64_t>(access);
        HostErrno error = ask(message);
        if (error == 0 && access == Access::kWrite) {
            error = file.resize(std::min(bytes, (first + count) * kPage));
        }
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

HostErrno Puppet::write_file(const char* path, std::uint64_t bytes) {
    const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.error() != 0) {
        return file.error();
    }
    ControlMessage message = file.request(ControlOp::kTruncate);
    const HostErrno error = ask(message);
    return error != 0 ? error : transfer(file, bytes, Access::kWrite);
}

HostErrno Puppet::read_file(const char* path) {
    const File file(path, O_RDONLY);
    return file.error() != 0 ? file.error() : transfer(file, file.size(), Access::kRead);
}

HostErrno Puppet::on_file(const char* path, ControlOp op) {
    const File file(path, O_RDWR);
    if (file.error() != 0) {
        return file.error();
    }
    ControlMessage message = file.request(op);
    return ask(message);
}

HostErrno Puppet::sync_file(const char* path) { return on_file(path, ControlOp::kSync); }

HostErrno Puppet::drop_file(const char* path) { return on_file(path, ControlOp::kDrop); }

HostErrno Puppet::make_objects(ControlOp op, std::uint64_t count) {
    for (std::uint64_t done = 0; done < count; done += kObjectsPerRequest) {
        ControlMessage message = request(op);
        message.args = {std::min(kObjectsPerRequest, count - done)};
        if (const HostErrno error = ask(message)) {
            return error;
        }
    }
    return 0;
}

HostErrno Puppet::look_up(const char* path, std::uint64_t names) {
    const File directory(path, O_RDONLY | O_DIRECTORY);
    if (directory.error() != 0) {
        return directory.error();
    }
    // tmpfs remembers no names that it does not have.
    return directory.on_tmpfs() ? 0 : make_objects(ControlOp::kLookup, names);
}

HostErrno Puppet::make_timers(std::uint64_t count) {
    return make_objects(ControlOp::kTimers, count);
}

HostErrno Puppet::touch_all(Access access) {
    for (const Region& region : regions_) {
        const HostErrno error = touch(region, access);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

HostErrno Puppet::page_out() {
    ControlMessage message = request(ControlOp::kPageout);
    const HostErrno error = ask(message);
    const bool any_locked = std::any_of(regions_.begin(), regions_.end(),
                                        [](const Region& region) { return region.locked; });
    // madvise(2) refuses locked regions.
    return error == 0 && any_locked ? EINVAL : error;
}

HostErrno Puppet::discard(std::uint64_t bytes) {
    if (regions_.empty()) {
        return ENOENT;
    }
    const Region& region = regions_.back();
    const std::uint64_t pages = pages_of(bytes);
    if (pages > region.pages) {
        return EINVAL;
    }
    ControlMessage message = request(ControlOp::kDiscard);
    message.args = {region.number, region.pages - pages, pages};
    return ask(message);
}

HostErrno Puppet::unmap_last() {
    if (regions_.empty()) {
        return ENOENT;
    }
    const Region region = regions_.back();
    regions_.pop_back();
    if (region.locked) {
        locked_bytes_ -= region.pages * kPage;
    }
    ControlMessage message = request(ControlOp::kUnmap);
    message.args = {region.number};
    const HostErrno error = ask(message);
    if (region.descriptor >= 0) {
        close(region.descriptor);
    }
    if (region.segment != nullptr) {
        shmdt(region.segment);
    }
    return error;
}

}  // namespace memcgfs::cli
