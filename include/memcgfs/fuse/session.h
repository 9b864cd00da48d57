// SPDX-License-Identifier: MIT
//
// A mounted tree: libfuse's low-level interface on one side, vfs::Tree on the other.
//
// One thread serves requests (run()). A write or ioctl that takes long is an Operation: it goes to
// the OperationRunner and is answered from there, so any number may be pending while the session
// goes on serving. A signal to the caller interrupts its operation. Nothing here does input or
// output on the mount itself, which would wait for this very thread.
//
// One thing differs from a real cgroup file system and cannot be helped here: the FUSE client lets
// one writer at a time into an inode (its lock for writes past the end, and the size is 0), so a
// second write, truncation or chmod of the same file waits for the first, deaf to signals. Reads
// do not wait.
//
// Caching: the kernel may keep attributes and the names of directories and permanent files for
// ever, as all changes to them come through the mount; names that do not exist, files that may
// vanish and, where permissions are checked here, names in directories that some may not search are
// asked for each time. Contents are never cached (direct I/O), unless reads are to be
// fast (Options::fast_reads): then the kernel serves what has not changed without a word.
//
// Lifetime: tree, runner and logger outlive the session. While a session lives, libfuse's messages
// go to the logger of the session made last.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "memcgfs/base/operation.h"
#include "memcgfs/base/result.h"
#include "memcgfs/vfs/permission.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::fuse {

/// The ioctl of the control channel: any size, the same way in and out, on directories only.
inline constexpr unsigned kControlIoctlType = 'm';
inline constexpr unsigned kControlIoctlNumber = 0xC6;

class Session {
public:
    struct Options {
        std::string mount_point;          ///< an existing directory
        std::string fs_name = "memcgfs";  ///< the source that mountinfo shows
        bool allow_other = false;         ///< other users may look in, too
        /// No other mount shows the same tree, so that the kernel may cache names and attributes.
        bool exclusive = true;
        /// Open, read and close of an unchanged file that tells of its changes (FileInfo::told)
        /// costs no request. content_changed() must be called, and sizes and some more are not
        /// those of the kernel's own files (docs/fidelity.md, fast reads).
        bool fast_reads = false;
        /// Permissions are checked here, with what this says of callers; it outlives the session.
        /// None: the kernel does it, which costs a request for a directory's attributes before each
        /// change in it. With fast reads it must be the kernel, as nobody else is asked to open.
        vfs::CallerRights* rights = nullptr;
        /// Called without locks before mkdir and rmdir are answered: delivers their effects.
        std::function<void()> deliver = {};
        /// Called without locks at each request that has come, by the thread that serves.
        std::function<void()> on_request = {};
    };

    /// Mounts the tree. The error is one sentence for the user that says what to do.
    static Result<std::unique_ptr<Session>, std::string> create(vfs::Tree& tree,
                                                                OperationRunner& runner,
                                                                const Options& options,
                                                                spdlog::logger& logger);

    /// Serves a /dev/fuse descriptor that someone has mounted already, and takes it over (also on
    /// failure). Mount it with rootmode=40000, and with default_permissions unless the options have
    /// `rights`; their mount_point and fs_name are not looked at, and nothing is unmounted in the
    /// end.
    static Result<std::unique_ptr<Session>, std::string> attach(int fuse_fd, vfs::Tree& tree,
                                                                OperationRunner& runner,
                                                                const Options& options,
                                                                spdlog::logger& logger);

    /// Unmounts. Pending operations are interrupted and waited for: the runner must be running.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Serves requests until the tree is unmounted or stop() is called. Once only.
    Result<void, std::string> run();

    /// To be called when told files of a directory have changed, or gone: before anyone can know,
    /// by any thread, under no lock above LockRank::kLeaf. May be called after the session's end,
    /// and does nothing then; nothing either without fast reads.
    std::function<void(vfs::DirKey)> content_changed() const;

    /// Makes run() return, or not begin, and waits for that. From any thread that does not serve
    /// and that holds no lock; it keeps SIGURG, whose handler in this process does nothing, for
    /// itself.
    void stop();

private:
    struct State;
    explicit Session(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace memcgfs::fuse
