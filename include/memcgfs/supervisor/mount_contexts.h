// SPDX-License-Identifier: MIT
//
// The contexts of fsopen(2) and fspick(2) that callers have, by the file that stands for each.
//
// Thread: the supervisor's alone.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <utility>

#include "memcgfs/supervisor/mount_answers.h"

namespace memcgfs::supervisor {

class MountContexts {
public:
    /// From now on any descriptor of this file means the context. The oldest are forgotten when
    /// there are very many: nobody tells when a file has been closed for the last time.
    void add(int file, std::unique_ptr<MountContext> context);
    /// nullptr: it stands for none.
    MountContext* find(int file);

private:
    using Key = std::pair<dev_t, ino_t>;
    static constexpr std::size_t kMost = 256;

    struct Entry {
        std::uint64_t number = 0;
        std::unique_ptr<MountContext> context;
    };
    std::map<Key, Entry> contexts_;
    std::map<std::uint64_t, Key> by_age_;
    std::uint64_t next_ = 0;
};

}  // namespace memcgfs::supervisor
