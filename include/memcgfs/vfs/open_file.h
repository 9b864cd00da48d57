// SPDX-License-Identifier: MIT
//
// One open file or directory of a Tree (tree.h).
//
// Counterpart: struct kernfs_open_file (6.1). It holds what belongs to a descriptor and not to the
// file: who opened it, the snapshot that reads are served from, whether a change is still to be
// seen by poll, and the provider's own state.
//
// Threads: used through Tree, by any thread. Destroy it when nothing uses it any more and while
// its tree lives.
#pragma once

#include <memory>

namespace memcgfs::vfs {

class OpenFile {
public:
    struct State;
    explicit OpenFile(std::unique_ptr<State> state);
    ~OpenFile();
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

private:
    friend class Tree;
    std::unique_ptr<State> state_;
};

}  // namespace memcgfs::vfs
