// SPDX-License-Identifier: MIT
#include "fuse/fast_nodes.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "fuse/client_call.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::fuse {

FastNodes::~FastNodes() { close(); }

void FastNodes::bind(fuse_session* session) {
    const MutexLock lock(mutex_);
    session_ = session;
}

void FastNodes::close() {
    const MutexLock lock(mutex_);
    session_ = nullptr;
}

Result<FastNodes::Node*> FastNodes::make(vfs::NodeId parent, std::string_view name,
                                         const vfs::Attributes& file,
                                         const vfs::Credentials& opener) {
    auto opened = MEMCGFS_TRY(tree_.open(file.node, O_RDWR, opener));
    auto node = std::make_unique<Node>();
    node->id = ++next_;
    node->in_tree = file.node;
    node->parent = parent;
    node->name = name;
    node->dir = file.dir;
    node->file = std::move(opened);
    node->looks = 1;
    return nodes_.emplace(node->id, std::move(node)).first->second.get();
}

FastNodes::Node* FastNodes::find_shared(vfs::DirKey dir, vfs::NodeId in_tree) {
    const auto found = current_.find(dir);
    if (found == current_.end()) {
        return nullptr;
    }
    const auto node = std::find_if(found->second.begin(), found->second.end(),
                                   [&](const Node* each) { return each->in_tree == in_tree; });
    return node == found->second.end() ? nullptr : *node;
}

FastNodes::Node& FastNodes::node_of(fuse_ino_t node) const {
    const auto found = nodes_.find(node);
    MEMCGFS_ASSERT(found != nodes_.end());  // the kernel names only what it has not forgotten
    return *found->second;
}

Result<FastNodes::Entry> FastNodes::enter(vfs::NodeId parent, std::string_view name,
                                          const vfs::Attributes& file,
                                          const vfs::Credentials& caller) {
    // Who was sent back once must arrive now, however fast the file changes: with a node of its
    // own.
    if (file.told && !sent_back_.contains(caller.pid)) {
        return enter_shared(parent, name, file, caller);
    }
    return enter_private(parent, name, file, caller);
}

Result<FastNodes::Entry> FastNodes::enter_shared(vfs::NodeId parent, std::string_view name,
                                                 const vfs::Attributes& file,
                                                 const vfs::Credentials& caller) {
    {
        const MutexLock lock(mutex_);
        if (Node* known = find_shared(file.dir, file.node)) {
            known->looks++;
            return entry_of(*known, file, known->latest.get());
        }
    }
    Node& node = *MEMCGFS_TRY(make(parent, name, file, caller));
    {
        // Known before the content is made: a change from then on is a change of this node.
        const MutexLock lock(mutex_);
        node.shared = true;
        node.current = true;
        current_[file.dir].push_back(&node);
    }
    if (const auto made = make_content(node, caller); !made.ok()) {
        forget(node.id, 1);
        return Err(made.error());
    }
    node.first = node.latest;
    const MutexLock lock(mutex_);
    return entry_of(node, file, node.latest.get());
}

Result<FastNodes::Entry> FastNodes::enter_private(vfs::NodeId parent, std::string_view name,
                                                  const vfs::Attributes& file,
                                                  const vfs::Credentials& caller) {
    const Node& node = *MEMCGFS_TRY(make(parent, name, file, caller));
    const MutexLock lock(mutex_);
    return entry_of(node, file, nullptr);
}

void FastNodes::forget(fuse_ino_t id, std::uint64_t looks) {
    Node& node = node_of(id);
    MEMCGFS_ASSERT(node.looks >= looks);
    node.looks -= looks;
    if (node.looks > 0) {
        return;
    }
    {
        const MutexLock lock(mutex_);
        if (node.current) {
            auto& in_dir = current_[node.dir];
            std::erase(in_dir, &node);
            if (in_dir.empty()) {
                current_.erase(node.dir);
            }
        }
    }
    nodes_.erase(id);
}

vfs::NodeId FastNodes::in_tree(fuse_ino_t node) const {
    return is_one(node) ? node_of(node).in_tree : vfs::NodeId{node};
}

vfs::OpenFile& FastNodes::file_of(fuse_ino_t node) { return *node_of(node).file; }

FastNodes::Entry FastNodes::entry_of(const Node& node, const vfs::Attributes& attributes,
                                     const Content* content) {
    constexpr long kNanosInSecond = 1'000'000'000;
    Entry entry;
    entry.node = node.id;
    entry.attributes = attributes;
    if (content != nullptr) {
        auto& nanos = entry.attributes.modified.tv_nsec;
        nanos = (nanos + content->version) % kNanosInSecond;
        entry.size = content->text.size();
    }
    entry.keep_name = node.current;
    return entry;
}

bool FastNodes::is_current(const Node& node) {
    const MutexLock lock(mutex_);
    return node.current;
}

Result<FastNodes::Entry> FastNodes::attributes(fuse_ino_t id, const vfs::Credentials& caller) {
    const Node& node = node_of(id);
    if (node.shared && !is_current(node) && walks_again(caller.pid)) {
        sent_back_.insert(caller.pid);
        return Err(Errno::kESTALE);
    }
    sent_back_.erase(caller.pid);
    const vfs::Attributes attributes = MEMCGFS_TRY(tree_.getattr(node.in_tree));
    const MutexLock lock(mutex_);
    Entry entry = entry_of(node, attributes, node.shared ? node.latest.get() : nullptr);
    entry.keep_attributes = node.current;
    return entry;
}

Result<FastNodes::Entry> FastNodes::attributes_for_read(fuse_ino_t id,
                                                        const vfs::Credentials& reader) {
    Node& node = node_of(id);
    const Content* content = node.latest.get();
    if (!is_current(node)) {
        content = MEMCGFS_TRY(content_for(node, reader));
    }
    const vfs::Attributes attributes = MEMCGFS_TRY(tree_.getattr(node.in_tree));
    const MutexLock lock(mutex_);
    Entry entry = entry_of(node, attributes, content);
    // A change since then has its notification later than this request, and wins over its answer.
    entry.keep_attributes = node.current;
    return entry;
}

Result<const FastNodes::Content*> FastNodes::content_for(Node& node,
                                                         const vfs::Credentials& reader) {
    constexpr std::size_t kMostPasses = 256;
    if (node.latest == nullptr || reader_position(reader.pid).value_or(0) == 0) {
        MEMCGFS_TRY(make_content(node, reader));
        if (node.passes.size() >= kMostPasses) {
            node.passes.clear();  // of threads that have ended, by far the most
        }
        node.passes[reader.pid] = {node.latest};
        return node.latest.get();
    }
    // Nothing more is made, but ENODEV if the file has gone.
    MEMCGFS_TRY(tree_.read(*node.file, node.latest->text.size(), 1, reader));
    const auto pass = node.passes.find(reader.pid);
    if (pass != node.passes.end()) {
        return pass->second.content.get();
    }
    return node.first != nullptr ? node.first.get() : node.latest.get();
}

Result<std::string_view> FastNodes::content(fuse_ino_t id, const vfs::Credentials& reader) {
    Node& node = node_of(id);
    if (node.latest == nullptr) {
        MEMCGFS_TRY(make_content(node, reader));
    }
    const auto pass = node.passes.find(reader.pid);
    if (pass == node.passes.end()) {
        return std::string_view((node.first != nullptr ? node.first : node.latest)->text);
    }
    if (!std::exchange(pass->second.served, true)) {
        // Another thread may have been told of a later content meanwhile, and finds these pages.
        pass->second.content = node.latest;
    }
    return std::string_view(pass->second.content->text);
}

Result<void> FastNodes::make_content(Node& node, const vfs::Credentials& reader) {
    constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
    std::string text;
    for (;;) {
        const std::string part =
            MEMCGFS_TRY(tree_.read(*node.file, text.size(), kMostBytes, reader));
        if (part.empty()) {
            break;
        }
        text += part;
    }
    if (node.latest == nullptr || node.latest->text != text) {
        const long version = node.latest != nullptr ? node.latest->version + 1 : 0;
        node.latest = std::make_shared<const Content>(Content{std::move(text), version});
    }
    return {};
}

std::optional<std::string> FastNodes::whole_write(fuse_ino_t id, std::uint64_t offset,
                                                  std::string_view part,
                                                  const vfs::Credentials& writer) {
    constexpr std::uint64_t kPageBytes = 4096;
    Node& node = node_of(id);
    if (offset != node.parts_end) {
        node.parts.clear();  // of a write that was interrupted
    }
    const std::uint64_t end = offset + part.size();
    if (end % kPageBytes == 0 && (offset % kPageBytes != 0 || !node.parts.empty()) &&
        bytes_to_write(writer.pid).value_or(0) > node.parts.size() + part.size()) {
        node.parts += part;
        node.parts_end = end;
        return std::nullopt;
    }
    return std::exchange(node.parts, {}).append(part);
}

void FastNodes::attributes_changed(vfs::NodeId in_tree, fuse_ino_t by) {
    const auto attributes = tree_.getattr(in_tree);
    const MutexLock lock(mutex_);
    if (!attributes.ok() || session_ == nullptr) {
        return;
    }
    if (const Node* shared = find_shared(attributes->dir, in_tree); shared && shared->id != by) {
        fuse_lowlevel_notify_inval_inode(session_, shared->id, -1, 0);
    }
}

void FastNodes::content_changed(vfs::DirKey dir) {
    std::vector<std::pair<fuse_ino_t, std::string>> names;
    {
        const MutexLock lock(mutex_);
        const auto found = current_.find(dir);
        if (found == current_.end()) {
            return;
        }
        for (Node* node : found->second) {
            node->current = false;
            if (session_ != nullptr) {
                // The attributes alone: to drop the pages would wait for their readers.
                fuse_lowlevel_notify_inval_inode(session_, node->id, -1, 0);
            }
            names.emplace_back(static_cast<fuse_ino_t>(node->parent), node->name);
        }
        current_.erase(found);
    }
    for (auto& [parent, name] : names) {
        expirer_->expire(parent, std::move(name));
    }
}

}  // namespace memcgfs::fuse
