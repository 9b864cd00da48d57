// SPDX-License-Identifier: MIT
//
// The files of /proc and /sys over a test machine: read and written by path, no mount.
#pragma once

#include <fcntl.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs_fixture.h"
#include "memcgfs/interface/proc_fs.h"

namespace memcgfs::interface {

/// The write was taken in part.
inline constexpr std::string_view kShort = "short";

class ProcFixture : public FsFixture {
public:
    explicit ProcFixture(std::string_view profile, Layout layout = Layout::kV2,
                         const engine::Machine& machine = test::roomy_machine())
        : FsFixture(profile, layout, {}, machine),
          proc({.engine = engine,
                .engine_mutex = mutex,
                .tasks = tasks,
                .cgroup_fs = fs,
                .log = &log,
                .wake = [this](OperationId id) { woken.push_back(id); },
                .before_show = [this] { shown++; }},
               {.wall_clock = [] { return timespec{}; },
                .dropped = [this](vfs::NodeId,
                                  std::string_view name) { dropped.emplace_back(name); }}) {}

    Result<vfs::Attributes> find(std::string_view path) {
        vfs::NodeId at = vfs::kRootNode;
        Result<vfs::Attributes> found = proc.tree().getattr(at);
        while (!path.empty() && found.ok()) {
            path.remove_prefix(1);
            const std::string_view name = path.substr(0, path.find('/'));
            path.remove_prefix(name.size());
            found = proc.tree().lookup(at, name);
            at = found.ok() ? found->node : at;
        }
        return found;
    }
    std::unique_ptr<vfs::OpenFile> open(std::string_view path) {
        const auto found = find(path);
        INFO(path);
        REQUIRE(found.ok());
        auto file = proc.tree().open(found->node, O_RDWR, who);
        REQUIRE(file.ok());
        return std::move(file).value();
    }
    /// The contents, or the name of the error.
    std::string cat(std::string_view path) { return cat(*open(path)); }
    std::string cat(vfs::OpenFile& file) {
        constexpr std::size_t kAll = 1U << 20U;
        const auto text = proc.tree().read(file, 0, kAll, who);
        return text.ok() ? *text : std::string(errno_name(text.error()));
    }
    /// "ok" or "short" after the operation (if any) has ended, or the name of the error.
    std::string echo(std::string_view path, std::string_view text) {
        return echo(*open(path), text);
    }
    std::string echo(vfs::OpenFile& file, std::string_view text, std::uint64_t offset = 0) {
        auto outcome = proc.tree().write(file, text, who, offset);
        if (!outcome.ok()) {
            return std::string(errno_name(outcome.error()));
        }
        const bool all = outcome->unread_bytes == 0;
        if (outcome->operation != nullptr) {
            const auto result = run(std::move(outcome->operation));
            if (!result.ok()) {
                return std::string(errno_name(result.error()));
            }
        }
        return std::string(all ? kOk : kShort);
    }

    std::vector<std::string> dropped;
    std::vector<OperationId> woken;
    int shown = 0;  ///< texts that were about to be made
    ManualClock log_clock;
    KernelLog log{log_clock};
    ProcTree proc;
};

}  // namespace memcgfs::interface
