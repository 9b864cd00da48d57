// SPDX-License-Identifier: MIT
//
// The page caches of files that puppets use, and how their end is learnt.
//
// A file's mapping ends when the last link and the last descriptor have gone (IN_DELETE_SELF) or
// its file system has (IN_UNMOUNT). Puppets that still map it keep an empty mapping alive.
//
// Threads: methods marked so want the engine lock, the others want it not held.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "memcgfs/engine/engine.h"

namespace memcgfs::interface {

class PuppetFiles {
public:
    struct Key {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        auto operator<=>(const Key&) const = default;
    };
    /// A file as a request names it.
    struct File {
        Key key;
        engine::PageKind kind = engine::PageKind::kFile;
        int watch = -1;  ///< from watch(), -1: none
        /// The cache is somebody else's, who sees to its end.
        std::optional<engine::MappingId> kept_elsewhere = {};
    };

    explicit PuppetFiles(engine::Engine& engine);
    ~PuppetFiles();
    PuppetFiles(const PuppetFiles&) = delete;
    PuppetFiles& operator=(const PuppetFiles&) = delete;

    int descriptor() const { return inotify_; }
    /// Watches the file behind a process's descriptor; -1 if that is not permitted.
    int watch(std::int32_t pid, std::uint64_t descriptor) const;
    /// Watches whose files have gone since the last call.
    std::vector<int> ended_watches() const;
    /// Those of the System V segments `ids` that are no more.
    static std::vector<int> ended_segments(const std::vector<int>& ids);

    // Engine lock held.
    /// The file's cache; made at the first use.
    engine::MappingId mapping(const File& file);
    /// The file has been cut to nothing: its pages are freed, and it starts anew.
    void truncate(const File& file);
    void forget_watch(int watch);
    /// A puppet maps a file's cache, or no longer does.
    void pin(engine::MappingId mapping) { pins_[mapping]++; }
    void unpin(engine::MappingId mapping);

    void add_segment(int id, engine::MappingId mapping) { segments_[id] = mapping; }
    std::vector<int> segments() const;
    void forget_segment(int id);

private:
    struct Cache {
        engine::MappingId mapping;
        int watch = -1;
    };
    void end(engine::MappingId mapping);

    engine::Engine& engine_;
    int inotify_;
    std::map<Key, Cache> caches_;
    std::map<int, Key> watched_;
    std::map<engine::MappingId, unsigned> pins_;
    std::set<engine::MappingId> ended_;  // and still pinned
    std::map<int, engine::MappingId> segments_;
};

}  // namespace memcgfs::interface
