// SPDX-License-Identifier: MIT
//
// A tmpfs whose pages are the engine's shmem: charged to who touches them first, reclaimed to the
// simulated swap, uncharged when they are freed.
//
// A request that needs pages is a Work: the engine's operations over its runs of pages, one after
// another, and then what is to be done with the pages. A part of a write that cannot be charged as
// a whole changes nothing. Reads of holes through read(2) are zeros that nobody pays for, as in
// tmpfs; a page fault on a hole makes a page.
//
// Threads: all methods by any thread that holds no lock. Lock: LockRank::kFiles.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/files/payers.h"
#include "memcgfs/files/tmpfs.h"

namespace memcgfs::files {

class ChargedTmpfs {
public:
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        Payers& payers;
        std::function<void()> flush;  ///< delivers the engine's effects; no lock held
    };
    /// All of it and the bank outlive it.
    ChargedTmpfs(Parts parts, PageBank& bank, Tmpfs::Options options);
    ~ChargedTmpfs();
    ChargedTmpfs(const ChargedTmpfs&) = delete;
    ChargedTmpfs& operator=(const ChargedTmpfs&) = delete;

    /// Calls `act` with the file system under its lock. On return the pages that it freed have been
    /// uncharged.
    template <class Act>
    auto with(Act act) {
        const Settling settling(*this);
        return act(settling.fs());
    }

    struct Access {
        InodeId inode{};
        std::int32_t thread = 0;
        std::uint64_t offset = 0;  ///< bytes
        std::uint64_t size = 0;
    };
    class Work;
    /// A write of `bytes`, which are not needed any more on return. Result: bytes written.
    Result<std::unique_ptr<Work>> write(const Access& access, std::span<const std::byte> bytes);
    /// The pages of a read come to memory; then read() of the file system itself has the bytes.
    /// `fault`: for a mapping, so holes are filled.
    Result<std::unique_ptr<Work>> read(const Access& access, bool fault);
    /// fallocate(2) without flags, or with FALLOC_FL_KEEP_SIZE. Result: 0. ENOSPC.
    Result<std::unique_ptr<Work>> allocate(const Access& access, bool keep_size);

private:
    /// Holds the lock; at its end the engine learns of freed pages.
    class Settling {
    public:
        explicit Settling(ChargedTmpfs& owner) : owner_(owner) { owner_.mutex_.lock(); }
        ~Settling();
        Settling(const Settling&) = delete;
        Settling& operator=(const Settling&) = delete;
        Tmpfs& fs() const { return owner_.fs_; }

    private:
        ChargedTmpfs& owner_;
    };

    engine::MappingId mapping_of(InodeId inode);
    bool settle();

    Parts parts_;
    Mutex mutex_{LockRank::kFiles};
    Tmpfs fs_;
    std::unordered_map<std::uint64_t, engine::MappingId> mappings_;  ///< by inode
};

/// Begun in the order: next() until it gives nothing, each operation run to its end; then finish().
class ChargedTmpfs::Work {
public:
    using Finish = std::function<Result<std::uint64_t>(const Result<void>& charged)>;

    Work(ChargedTmpfs& owner, engine::TaskId task, engine::MappingId mapping)
        : owner_(owner), task_(task), mapping_(mapping) {}

    /// The next operation to run; nullptr: there is none.
    std::unique_ptr<Operation> next();
    /// Does what the pages are for, or gives them back if one could not be had.
    Result<std::uint64_t> finish(const Result<void>& charged) { return finish_(charged); }

private:
    friend class ChargedTmpfs;

    ChargedTmpfs& owner_;
    const engine::TaskId task_;
    const engine::MappingId mapping_;
    engine::Access access_ = engine::Access::kRead;
    std::vector<PageRun> runs_;
    std::size_t at_ = 0;
    Finish finish_;
};

}  // namespace memcgfs::files
