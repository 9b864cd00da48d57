// SPDX-License-Identifier: MIT
//
// Fast reads: open, read and close of an unchanged file without one request to this process.
//
// The kernel is told that this file system needs no open (ENOSYS), and keeps names, attributes
// and pages. No request says then which descriptor it is for, so that a node of the kernel's
// stands for what the reader has:
//
//   shared   one version of a told file (FileInfo::told), for all who open it while it is current.
//            Name, size and pages are kept by the kernel. When the content changes, the node is
//            stale for good: its attributes are invalidated, which waits for nobody. Who opens the
//            file then is sent back (ESTALE) to look its name up again, and gets a private node.
//            Soon after the kernel is told to forget the name, which spares others that way.
//   private  any other file, one node for each lookup, hence for each open: it is the open file,
//            with its opener, its poll and its provider's state. Nothing of it is kept.
//
// A read(2) of a private or stale node begins with a request for the attributes; there the content
// is made anew if the read begins at the file's start. A thread that is further on has a pass under
// way, and is given what it began with. Where the read begins, no request says: /proc does
// (client_call.h).
//
// Coherence: content_changed() comes before anyone can know of the change from this process, as
// effects are delivered before the answers they precede. When it returns, no read(2) that begins
// afterwards is served old pages: the kernel asks for the attributes first, and their new time of
// modification throws the pages away. A read that is under way came before the change.
//
// What differs from exact reads: DEVIATION(fast-reads).
//
// Threads: requests by the serving thread alone; content_changed() and close() by any. Lock:
// LockRank::kLeaf, held for notifications that wait for nobody.
#pragma once

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fuse/expirer.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::fuse {

class FastNodes {
public:
    FastNodes(vfs::Tree& tree, std::shared_ptr<Expirer> expirer)
        : tree_(tree), expirer_(std::move(expirer)) {}
    ~FastNodes();
    FastNodes(const FastNodes&) = delete;
    FastNodes& operator=(const FastNodes&) = delete;

    /// Before the first request.
    void bind(fuse_session* session);
    /// Notifications are made no more. Idempotent.
    void close();

    /// What the kernel is told of a node.
    struct Entry {
        fuse_ino_t node = 0;
        vfs::Attributes attributes;
        std::uint64_t size = 0;
        bool keep_name = false;
        bool keep_attributes = false;
    };

    /// A file has been looked up: the node for it, with one look counted.
    Result<Entry> enter(vfs::NodeId parent, std::string_view name, const vfs::Attributes& file,
                        const vfs::Credentials& caller);
    void forget(fuse_ino_t node, std::uint64_t looks);

    /// Whether it is one of these nodes; all others are the tree's own.
    static bool is_one(fuse_ino_t node) { return (node & kMark) != 0; }
    /// The tree's node for any node of the kernel's.
    vfs::NodeId in_tree(fuse_ino_t node) const;
    vfs::OpenFile& file_of(fuse_ino_t node);

    /// What stat(2) is told. ESTALE: the kernel shall look the name up again, and finds another
    /// node.
    Result<Entry> attributes(fuse_ino_t node, const vfs::Credentials& caller);
    /// What a thread is told that is about to read: the content is the right one from now on.
    Result<Entry> attributes_for_read(fuse_ino_t node, const vfs::Credentials& reader);
    /// The content that the reader is due; valid until the next request.
    Result<std::string_view> content(fuse_ino_t node, const vfs::Credentials& reader);

    /// The kernel cuts a write through its pages where the descriptor's position crosses a page.
    /// The whole text, once its last part is there; none until then.
    std::optional<std::string> whole_write(fuse_ino_t node, std::uint64_t offset,
                                           std::string_view part, const vfs::Credentials& writer);

    /// Owner, mode or times of the tree's node have changed by a request for `by`.
    void attributes_changed(vfs::NodeId node, fuse_ino_t by);
    /// Told files of the directory have changed, or gone.
    void content_changed(vfs::DirKey dir);

private:
    static constexpr fuse_ino_t kMark = fuse_ino_t{1} << 62U;

    /// One content of a file. Each has another time of modification, which makes the kernel drop
    /// the pages of the one before.
    struct Content {
        std::string text;
        long version = 0;
    };
    /// A thread's way through a node that is not current.
    struct Pass {
        std::shared_ptr<const Content> content;
        bool served = false;  ///< some of it: no other content can take its place
    };

    struct Node {
        fuse_ino_t id = 0;
        vfs::NodeId in_tree{};
        vfs::NodeId parent{};
        std::string name;
        vfs::DirKey dir{};
        bool shared = false;
        bool current = false;  ///< under the lock
        std::unique_ptr<vfs::OpenFile> file;
        std::uint64_t looks = 0;
        std::shared_ptr<const Content> first;   ///< what the node had when it was current
        std::shared_ptr<const Content> latest;  ///< none: not made yet
        std::unordered_map<pid_t, Pass> passes;
        std::string parts;            ///< of a write, so far
        std::uint64_t parts_end = 0;  ///< where the next one begins
    };

    Result<Entry> enter_private(vfs::NodeId parent, std::string_view name,
                                const vfs::Attributes& file, const vfs::Credentials& caller);
    Result<Entry> enter_shared(vfs::NodeId parent, std::string_view name,
                               const vfs::Attributes& file, const vfs::Credentials& caller);
    Result<Node*> make(vfs::NodeId parent, std::string_view name, const vfs::Attributes& file,
                       const vfs::Credentials& opener);
    Node* find_shared(vfs::DirKey dir, vfs::NodeId in_tree) MEMCGFS_REQUIRES(mutex_);
    Node& node_of(fuse_ino_t node) const;
    /// Makes the latest content.
    Result<void> make_content(Node& node, const vfs::Credentials& reader);
    bool is_current(const Node& node);
    /// What a reader of a node that is not current is due.
    Result<const Content*> content_for(Node& node, const vfs::Credentials& reader);
    Entry entry_of(const Node& node, const vfs::Attributes& attributes, const Content* content)
        MEMCGFS_REQUIRES(mutex_);

    vfs::Tree& tree_;
    std::unordered_map<fuse_ino_t, std::unique_ptr<Node>> nodes_;  ///< the serving thread's
    std::unordered_set<pid_t> sent_back_;  ///< threads that were told ESTALE last
    fuse_ino_t next_ = kMark;

    Mutex mutex_{LockRank::kLeaf};
    fuse_session* session_ MEMCGFS_GUARDED_BY(mutex_) = nullptr;
    std::unordered_map<vfs::DirKey, std::vector<Node*>> current_ MEMCGFS_GUARDED_BY(mutex_);
    const std::shared_ptr<Expirer> expirer_;
};

}  // namespace memcgfs::fuse
