// SPDX-License-Identifier: MIT
//
// A process under a real filter, with scripted answers.
#pragma once

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/supervisor/filter.h"
#include "memcgfs/supervisor/supervisor.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {

class ScriptedAnswers final : public CallAnswers {
public:
    bool is_tree(dev_t device) override { return device == tree_device; }
    std::optional<std::uint32_t> file_system_type(dev_t, std::uint64_t) override { return type; }
    bool knows_name(std::string_view name) override {
        libraries += name.find(".so") != std::string_view::npos ? 1 : 0;
        return name == "told";
    }
    std::optional<Result<runner::UniqueFd>> open_file(const OpenRequest& request) override {
        if (request.path == "/proc/refused/told") {
            return Result<runner::UniqueFd>(Err(Errno::kEACCES));
        }
        if (request.path != "/proc/self/told") {
            return std::nullopt;
        }
        runner::UniqueFd file(memfd_create("told", MFD_CLOEXEC));
        REQUIRE(write(file.get(), "world", 5) == 5);
        lseek(file.get(), 0, SEEK_SET);
        return file;
    }
    Result<void> may_fork(const ForkRequest& request) override {
        forks++;
        threads += request.thread ? 1 : 0;
        return refuse_forks ? Err(Errno::kEAGAIN) : Result<void>{};
    }
    bool before_growth(pid_t /*caller*/, std::uint64_t bytes) override {
        const MutexLock lock(growth_mutex);
        growth.push_back(bytes);
        return false;
    }
    MachineCalls* machine() override { return machine_calls; }
    MountAnswers* mounts(FsType wanted) override {
        return wanted == FsType::kTmpfs ? tmpfs_answers : mount_answers;
    }
    MachineCalls* machine_calls = nullptr;
    MountAnswers* mount_answers = nullptr;
    MountAnswers* tmpfs_answers = nullptr;
    std::atomic<dev_t> tree_device = 0;
    std::optional<std::uint32_t> type;
    std::atomic<bool> refuse_forks = false;
    std::atomic<int> libraries = 0;  ///< that somebody has opened
    std::atomic<int> forks = 0;
    std::atomic<int> threads = 0;
    Mutex growth_mutex{LockRank::kLeaf};
    std::vector<std::uint64_t> growth MEMCGFS_GUARDED_BY(growth_mutex);
};

/// A child that has installed the filter, and waits.
class Supervised {
public:
    /// `body` gives the exit status; -1 where there can be no filter.
    int run(const std::function<int()>& body) {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
        const pid_t pid = fork();
        if (pid == 0) {
            auto listener = install_filter();
            const int number = listener.ok() ? listener->get() : -1;
            static_cast<void>(send(ends[1], &number, sizeof(number), 0));
            char go = 0;
            static_cast<void>(recv(ends[1], &go, 1, 0));
            _exit(listener.ok() ? body() : 99);
        }
        int number = -1;
        REQUIRE(recv(ends[0], &number, sizeof(number), 0) == sizeof(number));
        const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        runner::UniqueFd listener(
            number >= 0 ? static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)) : -1);
        close(pidfd);
        REQUIRE((number < 0 || listener.valid()));
        {
            const auto supervisor = Supervisor::start(std::move(listener), answers, logger);
            REQUIRE(send(ends[0], "g", 1, 0) == 1);
            int status = 0;
            REQUIRE(waitpid(pid, &status, 0) == pid);
            close(ends[0]);
            close(ends[1]);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }

    ScriptedAnswers answers;
    spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
};

}  // namespace memcgfs::supervisor
