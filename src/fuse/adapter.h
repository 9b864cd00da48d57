// SPDX-License-Identifier: MIT
//
// What the request handlers share: the tree, open handles, pending requests and poll wake-ups.
//
// The handlers are plain functions in name_ops.cc, file_ops.cc and directory_ops.cc, one for each
// FUSE request; they translate and decide nothing.
#pragma once

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "fuse/expirer.h"
#include "fuse/fast_nodes.h"
#include "fuse/pending.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/vfs/permission.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::fuse {

/// Lets poll wake-ups through until the session ends. Held by the callbacks that the tree keeps.
/// Lock: LockRank::kLeaf, also during the notification, which does not wait for anyone.
class PollGate {
public:
    void notify(fuse_pollhandle* handle) {
        MutexLock lock(mutex_);
        if (open_) {
            fuse_lowlevel_notify_poll(handle);
        }
    }
    void close() {
        MutexLock lock(mutex_);
        open_ = false;
    }

private:
    Mutex mutex_{LockRank::kLeaf};
    bool open_ MEMCGFS_GUARDED_BY(mutex_) = true;
};

class Adapter {
public:
    /// `deliver` is called, without locks, before a change of directories is answered.
    Adapter(vfs::Tree& the_tree, OperationRunner& runner, bool exclusive,
            std::function<void()> deliver)
        : tree(the_tree),
          pending(runner),
          cache_seconds(exclusive ? kForeverSeconds : 0),
          deliver_(std::move(deliver)) {}
    ~Adapter();
    Adapter(const Adapter&) = delete;
    Adapter& operator=(const Adapter&) = delete;

    static Adapter& of(fuse_req_t request) {
        return *static_cast<Adapter*>(fuse_req_userdata(request));
    }

    /// Takes an open file over and gives its handle for fuse_file_info.
    std::uint64_t add_handle(std::unique_ptr<vfs::OpenFile> file);
    void remove_handle(std::uint64_t handle);

    /// The tree's node, for a node of the kernel's.
    vfs::NodeId in_tree(fuse_ino_t node) const {
        return fast != nullptr ? fast->in_tree(node) : vfs::NodeId{node};
    }
    /// The open file that a request is for.
    vfs::OpenFile& file_of(fuse_ino_t node, const fuse_file_info* info);
    /// Nobody learns of a change by its answer before its effects are out.
    void deliver() const {
        if (deliver_) {
            deliver_();
        }
    }
    /// Gives the answer to a write: after the names whose files it has changed are forgotten.
    void answer(std::function<void()> reply) {
        if (fast != nullptr) {
            expirer->answer(std::move(reply));
        } else {
            reply();
        }
    }

    /// Whether a request for a node that came by names the kernel remembers is to be answered with
    /// ESTALE: the kernel then asks for each of the names anew, and comes again. Not twice in a
    /// row.
    bool send_back(fuse_req_t request, vfs::NodeId node);
    /// The caller is told that a name in a directory leads nowhere: it does not come again, unless
    /// it is that directory it was sent back from, to make the name there.
    void turned_away(fuse_req_t request, vfs::NodeId directory);

    // Whether the caller may do something. Nothing is checked if the kernel does that. ESTALE of
    // who may not search a directory above: it has come from where it stands, or by names from
    // before that was so, and is sent back to walk there by today's.

    /// May the caller do so to a node? EACCES, ESTALE.
    Result<void> may(fuse_req_t request, vfs::NodeId node, vfs::Access wanted);
    /// The same of a directory, but never ESTALE, and whether the kernel may keep names in it: not
    /// in one that some may not search, for there it would walk on without a question.
    Result<bool> may_in(fuse_req_t request, vfs::NodeId directory, vfs::Access wanted);
    /// May the caller make entries in the directory? As may_in().
    Result<bool> may_add(fuse_req_t request, vfs::NodeId directory);
    /// May the caller take the entry out of its directory? EACCES, EPERM, ESTALE; what is not there
    /// may go.
    Result<void> may_take(fuse_req_t request, vfs::NodeId directory, std::string_view name);
    /// May the caller change the node so? The change to make. EPERM, EACCES, ESTALE.
    Result<vfs::AttributeChange> may_change(fuse_req_t request, vfs::NodeId node,
                                            const vfs::AttributeChange& change,
                                            const vfs::ChangeOrigin& origin);

    vfs::Tree& tree;
    PendingRequests pending;
    const std::shared_ptr<PollGate> polls = std::make_shared<PollGate>();
    /// How long the kernel may keep what changes only through the mount.
    const double cache_seconds;
    fuse_session* session = nullptr;
    const std::shared_ptr<Expirer> expirer = std::make_shared<Expirer>();
    /// Who callers are beyond what requests say; none: the kernel checks permissions.
    vfs::CallerRights* rights = nullptr;
    /// Fast reads (fast_nodes.h); none: contents are never cached.
    std::shared_ptr<FastNodes> fast;

private:
    static constexpr double kForeverSeconds = 1e9;

    /// ESTALE, as told above.
    Result<void> check_way(fuse_req_t request, vfs::NodeId node);

    const std::function<void()> deliver_;
    std::unordered_map<pid_t, vfs::NodeId> sent_back_;  ///< by thread; the serving thread's
    Mutex mutex_{LockRank::kLeaf};
    std::unordered_map<std::uint64_t, std::unique_ptr<vfs::OpenFile>> handles_
        MEMCGFS_GUARDED_BY(mutex_);
};

/// The open directory behind a handle; the kernel gives only handles that are open.
vfs::OpenFile& directory_of(const fuse_file_info* info);
vfs::Credentials credentials_of(fuse_req_t request);
struct stat stat_of(const vfs::Attributes& attributes);

void reply_error(fuse_req_t request, Errno error);
/// Success without content, or the error.
void reply_result(fuse_req_t request, const Result<void>& result);
/// Of a node of the kernel's, which the tree knows by its own.
void reply_attributes(fuse_req_t request, fuse_ino_t node,
                      const Result<vfs::Attributes>& attributes);
void reply_attributes(fuse_req_t request, const Result<FastNodes::Entry>& entry);
/// Answers a query for the size (0 asked) or for the content.
void reply_xattr(fuse_req_t request, std::string_view content, std::size_t size);

void add_name_ops(fuse_lowlevel_ops& ops);
void add_file_ops(fuse_lowlevel_ops& ops);
void add_directory_ops(fuse_lowlevel_ops& ops);

}  // namespace memcgfs::fuse
