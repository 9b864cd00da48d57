// SPDX-License-Identifier: MIT
//
// What a pseudo file system must tell the generic tree (tree.h) about its directories and files.
//
// Counterpart: the callbacks of kernfs and struct cftype (include/linux/cgroup-defs.h, 6.1).
// The tree knows no cgroup; the provider knows no inode, offset or open file.
//
// Threads: all calls come with the tree lock held (see docs/locking.md), except show(), store(),
// those of records and control(), which come with that open file's lock alone: a directory may go
// at any moment, and then they say ENODEV. A provider takes its own locks inside. It must not call
// back into the tree.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "memcgfs/base/operation.h"
#include "memcgfs/base/result.h"
#include "memcgfs/base/text_buffer.h"

namespace memcgfs::vfs {

/// Who makes a request, as seen from the daemon's namespaces. pid is a thread id, 0 if unknown.
struct Credentials {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
    std::optional<std::uint32_t> noted{};  ///< of an opener, the provider's own: note_opener()
};

/// The provider's own name for a directory (a cgroup id, say). 0 is a plain directory that
/// belongs to the layout and not to a hierarchy.
enum class DirKey : std::uint64_t {};

/// Index of a file in the provider's table; the same file has the same index in every directory.
enum class FileIndex : std::uint16_t {};

/// Names an open file for the life of the tree.
enum class OpenId : std::uint64_t {};

enum class Notify : std::uint8_t {
    kNone,      ///< never announces a change
    kModified,  ///< wakes pollers and counts as a modification (kernfs_notify)
    /// An open file that was written to is woken apart (Tree::wake), by priority data alone, which
    /// one poll takes; until then it polls as changed.
    kTriggered,
};

/// What the tree has to know of a file without asking for its contents.
struct FileInfo {
    FileIndex index{};
    std::string_view name;  ///< lives as long as the provider
    mode_t mode = 0;        ///< permission bits at creation
    bool readable = false;  ///< has a show handler; else a read fails EINVAL
    bool writable = false;  ///< has a store handler; else a write fails EINVAL
    /// A list of lines of which one read gives at most 4096 bytes, ending at a line end.
    bool line_list = false;
    Notify notify = Notify::kNone;
    std::size_t write_max_bytes = 4096;  ///< a longer write fails E2BIG
    /// One value, as in /proc/sys: a read that does not begin at the start finds the end, and a
    /// write that does not is taken and does nothing (sysctl_writes_strict).
    bool at_start_only = false;
    /// In its directory for all the directory's life: its name may be cached without an end.
    bool permanent = false;
    /// Its content is the same for all readers, and a change of it is told (Session::
    /// content_changed) before anyone can know of it otherwise: a reader's copy may be kept.
    bool told = false;
    /// It is read record by record: Provider::read_record() in the place of show().
    bool records = false;
};

/// State a provider keeps for one open file (a peak reset, a trigger, a puppet's connection);
/// destroyed when the last descriptor is closed.
class OpenState {
public:
    virtual ~OpenState() = default;
};

/// What happened to a store: finished, or an operation that the adapter must run.
/// The write has succeeded when the operation ends without error.
struct StoreOutcome {
    std::unique_ptr<Operation> operation;  ///< empty: done
    /// So many bytes at the end of the text were not looked at: the write is shorter by them.
    std::size_t unread_bytes = 0;
};

/// One open file as the provider sees it.
struct FileContext {
    DirKey dir{};
    FileIndex file{};
    OpenId open{};
    Credentials opener;                           ///< captured at open
    Credentials caller;                           ///< of this very request
    std::unique_ptr<OpenState>* state = nullptr;  ///< the provider's slot, empty at first
};

/// A read(2) of a file of records.
struct RecordRead {
    std::uint64_t offset = 0;
    std::size_t size = 0;
    bool may_wait = true;                 ///< no O_NONBLOCK
    std::shared_ptr<std::string> record;  ///< for the answer
};
/// The places that a file of records can be sought to.
enum class RecordPlace : std::uint8_t { kData, kEnd };

class Provider {
public:
    virtual ~Provider() = default;

    /// The files of a directory now, in creation order. The span is valid until the next call.
    virtual std::span<const FileInfo> files(DirKey dir) = 0;
    /// Changes whenever the answer of files(dir) may have changed (subtree_control).
    virtual std::uint64_t files_version(DirKey dir) = 0;
    /// The files_version of the directory when the file last came into it; 0 for one that is there
    /// since the directory's making. Tells a file that went and came back from one that stayed.
    virtual std::uint64_t made_at_version(DirKey /*dir*/, FileIndex /*file*/) { return 0; }
    /// False for a directory that may go without a request for it: its name is not to be cached.
    virtual bool keeps_name(DirKey /*dir*/) { return true; }

    /// A file is about to be opened: what there is to know of its opener that may be different when
    /// it is used. No lock held.
    virtual std::optional<std::uint32_t> note_opener(const Credentials& /*opener*/) { return {}; }

    /// False once the directory or file has gone for good: requests on it then fail ENODEV.
    virtual bool alive(DirKey dir, FileIndex file) = 0;

    virtual Result<void> show(const FileContext& context, TextBuffer& out) = 0;
    /// `text` is exactly what was written, not empty and at most write_max_bytes long.
    virtual Result<StoreOutcome> store(const FileContext& context, std::string_view text) = 0;

    /// Puts the next record into `read.record` at once, or by the operation's end. EAGAIN: there is
    /// none and it may not wait; EINVAL: it is longer than asked for; EPIPE: some have been lost.
    virtual Result<StoreOutcome> read_record(const FileContext& /*context*/,
                                             const RecordRead& /*read*/) {
        return Err(Errno::kEINVAL);
    }
    virtual void seek_record(const FileContext& /*context*/, RecordPlace /*place*/) {}
    /// What poll(2) says of a file of records. Open file's lock alone, as show().
    virtual short poll_records(const FileContext& /*context*/) { return 0; }

    /// Makes a directory's other half. The name is free and not "." or "..".
    virtual Result<DirKey> mkdir(DirKey parent, std::string_view name,
                                 const Credentials& creator) = 0;
    /// A directory is about to be removed: the place for looking at what takes time or has locks
    /// of its own. No tree lock held, so the directory may be gone.
    virtual void before_rmdir(DirKey /*dir*/) {}
    /// The tree has checked nothing: the provider says EBUSY for children or members.
    virtual Result<void> rmdir(DirKey dir) = 0;
    /// Same parent, new name free. EPERM where the hierarchy does not rename.
    virtual Result<void> rename(DirKey dir, std::string_view new_name) = 0;
    /// Whether the hierarchy of `dir` renames directories (v1). It decides which error a rename
    /// that cannot be done gives; one that can is always put to rename().
    virtual bool renames(DirKey /*dir*/) { return false; }

    /// The private control channel (an ioctl on any directory of the tree). `message` is the
    /// request and is overwritten with the answer before the operation's end. The memory stays
    /// valid until then, and so does context.state.
    virtual Result<StoreOutcome> control(const FileContext& context,
                                         std::span<std::byte> message) = 0;
};

}  // namespace memcgfs::vfs
