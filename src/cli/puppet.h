// SPDX-License-Identifier: MIT
//
// The client side of the control channel: system calls on memory that does not exist.
//
// Each method returns what the system call it stands for would: 0 or an errno. A process that the
// engine has killed does not return from any of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/interface/control_protocol.h"

namespace memcgfs::cli {

/// 0 or an errno.
using HostErrno = int;

class Puppet {
public:
    Puppet() = default;
    /// Says goodbye, so that the memory has gone before the process has.
    ~Puppet();
    Puppet(const Puppet&) = delete;
    Puppet& operator=(const Puppet&) = delete;

    enum class Membership : std::uint8_t { kAny, kInGroup };
    /// `directory`: any of the tree. ENOTTY, ENOENT and so on if it is in no tree of ours; EAGAIN
    /// if this process is in that tree's root groups and `wanted` is kInGroup. `oom_score_adj`:
    /// what it could not give itself.
    HostErrno connect(const std::string& directory, Membership wanted,
                      std::optional<std::int64_t> oom_score_adj);

    enum class Memory : std::uint8_t { kPrivate, kHuge, kLocked, kShared, kSegment, kKeptSegment };
    /// Maps and fills.
    HostErrno map_memory(Memory kind, std::uint64_t bytes);
    /// Maps the start of a file shared and fills it.
    HostErrno map_file(const char* path, std::uint64_t bytes);
    HostErrno write_file(const char* path, std::uint64_t bytes);
    HostErrno read_file(const char* path);
    HostErrno sync_file(const char* path);
    HostErrno drop_file(const char* path);
    /// So many names that the directory does not have: the kernel remembers that.
    HostErrno look_up(const char* path, std::uint64_t names);
    /// POSIX timers, until the process ends.
    HostErrno make_timers(std::uint64_t count);

    enum class Access : std::uint64_t { kRead = 0, kWrite = 1 };
    HostErrno touch_all(Access access);
    HostErrno page_out();
    /// The end of the latest region, in whole pages: MADV_DONTNEED. EINVAL: it is not so long.
    HostErrno discard(std::uint64_t bytes);
    /// The latest region. ENOENT if there is none.
    HostErrno unmap_last();

private:
    struct Region {
        std::uint64_t number = 0;
        std::uint64_t pages = 0;
        bool locked = false;
        int descriptor = -1;      ///< keeps a mapped file's inode
        void* segment = nullptr;  ///< keeps a System V segment's attachment
    };
    class File;

    HostErrno ask(interface::ControlMessage& message);
    HostErrno touch(const Region& region, Access access);
    HostErrno keep(Region region, interface::ControlMessage& message);
    HostErrno check_lock(std::uint64_t bytes);
    HostErrno on_file(const char* path, interface::ControlOp op);
    HostErrno make_objects(interface::ControlOp op, std::uint64_t count);
    HostErrno transfer(const File& file, std::uint64_t bytes, Access access);

    int directory_ = -1;
    std::uint64_t locked_bytes_ = 0;
    std::vector<Region> regions_;
};

}  // namespace memcgfs::cli
