// SPDX-License-Identifier: MIT
//
// The file tables over a test machine: files read and written by name, no mount.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/interface/cgroup_fs.h"
#include "support/engine_fixture.h"

namespace memcgfs::interface {

using engine::Layout;
using vfs::DirKey;

/// Processes that a test makes up.
class FakeTasks final : public world::TaskTable {
public:
    Result<world::ProcessInfo> find(std::int32_t pid, std::int32_t caller_tid) override {
        const std::int32_t named = pid == 0 ? caller_tid : pid;
        const auto thread = threads.find(named);
        const auto found = processes.find(thread != threads.end() ? thread->second : named);
        if (found == processes.end()) {
            return Err(Errno::kESRCH);
        }
        world::ProcessInfo process = found->second;
        process.tid = named;
        return process;
    }
    std::vector<std::int32_t> threads_of(std::int32_t pid) override {
        std::vector<std::int32_t> all;
        if (processes.contains(pid)) {
            all.push_back(pid);
        }
        for (const auto& [tid, process] : threads) {
            if (process == pid) {
                all.push_back(tid);
            }
        }
        return all;
    }
    std::vector<world::ProcessInfo> snapshot() override {
        std::vector<world::ProcessInfo> all;
        for (const auto& [pid, process] : processes) {
            all.push_back(process);
        }
        return all;
    }
    Result<void> claim_oom_score_adj(std::int32_t pid, std::int32_t oom_score_adj) override {
        if (!processes.contains(pid)) {
            return Err(Errno::kESRCH);
        }
        processes[pid].oom_score_adj = oom_score_adj;
        return {};
    }
    std::optional<std::uint32_t> namespace_root(std::int32_t tid) override {
        const auto root = namespace_roots.find(tid);
        return root != namespace_roots.end() ? std::optional(root->second) : std::nullopt;
    }
    world::ProcessInfo& add(std::int32_t pid, std::uint32_t uid = 0) {
        world::ProcessInfo& process = processes[pid];
        process.pid = pid;
        process.uid = uid;
        process.saved_uid = uid;
        return process;
    }
    /// Makes `tid` a thread of the process.
    void add_thread(std::int32_t tid, std::int32_t pid) {
        threads[tid] = pid;
        processes[pid].threads++;
    }
    void end_thread(std::int32_t tid) {
        processes[threads.at(tid)].threads--;
        threads.erase(tid);
    }
    std::map<std::int32_t, world::ProcessInfo> processes;
    std::map<std::int32_t, std::uint32_t> namespace_roots;  ///< css_sets, by thread
    std::map<std::int32_t, std::int32_t> threads;  ///< whose they are, but for the first ones
};

inline constexpr std::string_view kOk = "ok";

class FsFixture : public test::EngineFixture {
public:
    FsFixture(std::string_view profile_name, Layout layout, Hooks hooks = {},
              const engine::Machine& machine = test::roomy_machine())
        : EngineFixture(profile_name, layout, machine),
          fs(engine, mutex, tasks, std::move(hooks)),
          top(fs.root(engine.memory_hierarchy())) {}

    const vfs::FileInfo* info(DirKey dir, std::string_view name) {
        for (const vfs::FileInfo& file : fs.files(dir)) {
            if (file.name == name) {
                return &file;
            }
        }
        return nullptr;
    }
    bool has(DirKey dir, std::string_view name) { return info(dir, name) != nullptr; }
    std::vector<std::string> names(DirKey dir) {
        std::vector<std::string> all;
        for (const vfs::FileInfo& file : fs.files(dir)) {
            all.emplace_back(file.name);
        }
        return all;
    }
    /// Octal, e.g. "0644"; empty if there is no such file.
    std::string mode(DirKey dir, std::string_view name) {
        const vfs::FileInfo* file = info(dir, name);
        return file == nullptr ? "" : fmt::format("{:04o}", file->mode);
    }

    vfs::FileContext context(DirKey dir, std::string_view name) {
        const vfs::FileInfo* file = info(dir, name);
        INFO("file " << name);
        REQUIRE(file != nullptr);
        vfs::Credentials opener = who;
        opener.noted = fs.note_opener(who);
        return {.dir = dir, .file = file->index, .opener = opener, .caller = who, .state = nullptr};
    }
    /// The contents, or the name of the error.
    std::string read(DirKey dir, std::string_view name) {
        std::unique_ptr<vfs::OpenState> state;
        return read(dir, name, state);
    }
    std::string read(DirKey dir, std::string_view name, std::unique_ptr<vfs::OpenState>& state) {
        vfs::FileContext request = context(dir, name);
        request.state = &state;
        TextBuffer out;
        const auto result = fs.show(request, out);
        return result.ok() ? std::move(out).take() : std::string(errno_name(result.error()));
    }
    /// "ok" after the operation (if any) has ended, or the name of the error.
    std::string write(DirKey dir, std::string_view name, std::string_view text) {
        std::unique_ptr<vfs::OpenState> state;
        return write(dir, name, text, state);
    }
    std::string write(DirKey dir, std::string_view name, std::string_view text,
                      std::unique_ptr<vfs::OpenState>& state) {
        vfs::FileContext request = context(dir, name);
        request.state = &state;
        return write(request, text);
    }
    std::string write(const vfs::FileContext& request, std::string_view text) {
        auto outcome = fs.store(request, text);
        if (!outcome.ok()) {
            return std::string(errno_name(outcome.error()));
        }
        if (outcome->operation != nullptr) {
            const auto result = run(std::move(outcome->operation));
            return std::string(result.ok() ? kOk : errno_name(result.error()));
        }
        return std::string(kOk);
    }
    /// As the tree does it.
    Result<void> rmdir(DirKey dir) {
        fs.before_rmdir(dir);
        return fs.rmdir(dir);
    }
    DirKey mkdir(DirKey parent, std::string_view name) {
        const auto made = fs.mkdir(parent, name, {});
        REQUIRE(made.ok());
        return *made;
    }
    /// A group with the memory controller, in either hierarchy.
    DirKey mkdir_memory(DirKey parent, std::string_view name) {
        if (engine.memory_hierarchy().is_v2()) {
            REQUIRE(write(parent, "cgroup.subtree_control", "+memory") == kOk);
        }
        return mkdir(parent, name);
    }
    engine::Cgroup& group(DirKey dir) {
        return *engine.find(engine::CgroupId{static_cast<std::uint64_t>(dir)});
    }
    engine::Memcg& memcg(DirKey dir) { return *group(dir).memcg; }

    Mutex mutex{LockRank::kEngine};
    FakeTasks tasks;
    vfs::Credentials who{.uid = 0, .gid = 0, .pid = 1};
    CgroupFs fs;
    DirKey top;
};

/// One row of a table: what is written, the answer, what is read back.
struct WriteRow {
    std::string text;
    std::string answer;
    std::string now;
};

inline void check_writes(FsFixture& machine, DirKey dir, std::string_view file,
                         const std::vector<WriteRow>& rows) {
    for (const WriteRow& row : rows) {
        INFO(file << " <- \"" << row.text << "\"");
        CHECK(machine.write(dir, file, row.text) == row.answer);
        CHECK(machine.read(dir, file) == row.now);
    }
}

inline std::size_t line_count(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace memcgfs::interface
