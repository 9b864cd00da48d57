// SPDX-License-Identifier: MIT
//
// What a puppet (memcgfs hog) and the tree say to each other: one fixed message for request and
// answer, carried by a blocking ioctl on a directory of the tree.
//
// The ioctl's own errors are about the channel: ENOTTY (no tree of ours, or another version),
// ESRCH (the engine has written this process off: it is being killed), EINVAL (nonsense). What a
// real program's system call would have returned is in `result`. EINTR there means: ask again.
// All numbers are in the byte order of the machine.
#pragma once

#include <linux/ioctl.h>

#include <array>
#include <cstdint>
#include <type_traits>

namespace memcgfs::interface {

inline constexpr std::uint32_t kControlMagic = 0x6D656D63;  // "memc"
inline constexpr std::uint32_t kControlVersion = 1;

/// Regions are numbered by the server; offsets, counts and sizes are pages.
enum class ControlOp : std::uint32_t {
    /// First: makes the open directory this process's; its end is the process's. [0] 1: it wants
    /// to stand for one with the oom_score_adj [1], as int64, that the host refuses; EACCES for
    /// other users than root. Answer: [0] 1 if the process is in other than the root groups.
    kHello = 1,
    kBye = 2,  ///< the process is about to exit
    /// [0] size, [1] 1: with MADV_HUGEPAGE, 0: MADV_NOHUGEPAGE; answer [0] region: private memory
    kAnon = 3,
    kShared = 4,     ///< [0] size; answer [0] region: shared memory that ends with its last user
    kSegment = 5,    ///< [0] size, [1] System V id; answer [0] region: stays until IPC_RMID
    kMapFile = 6,    ///< a file; answer [0] region
    kUnmap = 7,      ///< [0] region
    kTouch = 8,      ///< [0] region, [1] first, [2] count, [3] 1: write, 0: read
    kLock = 9,       ///< [0] region
    kPageout = 10,   ///< all regions
    kFileIo = 11,    ///< a file, [4] first, [5] count, [6] 1: write, 0: read
    kTruncate = 12,  ///< a file has been cut to nothing
    kSync = 13,      ///< a file
    kDrop = 14,      ///< a file
    kDiscard = 15,   ///< [0] region, [1] first, [2] count: MADV_DONTNEED
    kLookup = 16,    ///< [0] so many names that a directory of a disk does not have
    kTimers = 17,    ///< [0] so many timers, until the process ends
    /// [0] a process; answer [0] its ChargeTier, [1] its pages that are charged. Before kHello,
    /// too.
    kAsk = 18,
};

/// How a process's memory comes to be charged.
enum class ChargeTier : std::uint64_t {
    kNone = 0,           ///< not at all
    kTimer = 1,          ///< it is real, and looked at from time to time
    kEvent = 2,          ///< it is real, and followed
    kModelled = 3,       ///< there is none but what it has told of: a puppet
    kExact = 4,          ///< it is followed, and its page faults wait until they are charged
    kEventUntraced = 5,  ///< it is real, and its page faults are counted, but nobody follows it
};

/// "A file" in an operation's arguments: [0] st_dev, [1] st_ino, [2] 1 if on tmpfs, [3] the
/// caller's descriptor of it.
struct ControlMessage {
    std::uint32_t magic = kControlMagic;
    std::uint32_t version = kControlVersion;
    ControlOp op{};
    std::int32_t result = 0;  ///< 0 or an errno
    std::array<std::uint64_t, 8> args{};
};
static_assert(sizeof(ControlMessage) <= 1024);
static_assert(std::is_trivially_copyable_v<ControlMessage>);

inline constexpr unsigned long kControlIoctl = _IOWR('m', 0xC6, ControlMessage);

}  // namespace memcgfs::interface
