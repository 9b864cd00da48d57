// SPDX-License-Identifier: MIT
//
// A tracked directory below /tmp, and a process kPid in a group that pays.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "memcgfs/files/tracked_directory.h"
#include "memcgfs/world/scripted_tasks.h"
#include "support/catch.hpp"
#include "support/engine_fixture.h"
#include "unit/files/fixture.h"

namespace memcgfs::files::testing {

using engine::StatItem;

inline constexpr std::int32_t kPid = 100;
inline constexpr std::uint64_t kPage = kPageSize;

/// A directory of the host that goes with it.
struct RealDirectory {
    RealDirectory() {
        std::string name = "/tmp/memcgfs-tracked-XXXXXX";
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~RealDirectory() { std::filesystem::remove_all(path); }
    RealDirectory(const RealDirectory&) = delete;
    RealDirectory& operator=(const RealDirectory&) = delete;

    std::string of(std::string_view name) const { return path + "/" + std::string(name); }
    std::string content(std::string_view name) const {
        std::ifstream file(of(name));
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    void put(std::string_view name, std::string_view text) const {
        std::ofstream(of(name)) << text;
    }
    UniqueFd open() const {
        return UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    struct stat status(std::string_view name) const {
        struct stat status{};
        REQUIRE(lstat(of(name).c_str(), &status) == 0);
        return status;
    }

    std::string path;
};

struct Tracked {
    explicit Tracked(std::size_t remembered = 16)
        : Tracked(TrackedDirectory::Options{.remembered = remembered}) {}
    explicit Tracked(const TrackedDirectory::Options& options) {
        fs.emplace(ChargeParts{f.engine, mutex, payers, [this] { flushes++; }}, real.open(),
                   options);
        REQUIRE(f.engine.find(f.add_task(group))->info.pid == kPid);
        tasks.put({.pid = kPid, .comm = "dd"});
    }

    FileSystem::Created create(std::string_view name) {
        return fs
            ->create({kRootInode, name}, {.mode = S_IFREG | 0644, .uid = getuid(), .gid = getgid()},
                     O_RDWR)
            .value();
    }
    /// As the session does it.
    Result<std::uint64_t> end(Result<std::unique_ptr<Work>> begun) {
        if (!begun.ok()) {
            return Err(begun.error());
        }
        Work& work = **begun;
        while (std::unique_ptr<Operation> operation = work.next()) {
            const OperationResult done =
                operation->finished() ? operation->result() : f.run(std::move(operation));
            if (!done.ok()) {
                return work.finish(Err(done.error()));
            }
        }
        return work.finish({});
    }
    static FileSystem::Access access(const FileSystem::Created& file, std::uint64_t offset,
                                     std::uint64_t size) {
        return {.inode = file.entry.inode,
                .thread = kPid,
                .offset = offset,
                .size = size,
                .handle = file.handle};
    }
    Result<std::uint64_t> write(const FileSystem::Created& file, std::uint64_t offset,
                                std::string_view text) {
        return end(fs->write(access(file, offset, text.size()), bytes_of(text)));
    }
    Result<std::string> read(const FileSystem::Created& file, std::uint64_t offset,
                             std::uint64_t size) {
        const auto where = access(file, offset, size);
        MEMCGFS_TRY(end(fs->read(where, false)));
        std::string text(size, 'x');
        const auto outcome = MEMCGFS_TRY(fs->fetch(where, std::as_writable_bytes(std::span(text))));
        text.resize(outcome.size);
        return outcome.zeros ? std::string(outcome.size, '\0') : text;
    }
    void close(const FileSystem::Created& file) {
        fs->close(file.entry.inode, file.handle);
        fs->forget(file.entry.inode, 1);
    }
    std::int64_t cache() { return group.memcg->stat(StatItem::kFile); }
    std::int64_t dirty() { return group.memcg->stat(StatItem::kFileDirty); }

    RealDirectory real;
    test::EngineFixture f{"6.1", engine::Layout::kV2, test::roomy_machine()};
    engine::Cgroup& group = f.make_memory(f.root(), "a");
    Mutex mutex{LockRank::kEngine};
    world::ScriptedTasks tasks;
    Payers payers{f.engine, mutex, tasks};
    int flushes = 0;
    std::optional<TrackedDirectory> fs;
};

}  // namespace memcgfs::files::testing
