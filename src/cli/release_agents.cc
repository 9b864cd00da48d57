// SPDX-License-Identifier: MIT
#include "cli/release_agents.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "memcgfs/base/errno.h"

namespace memcgfs::cli {
namespace {

constexpr std::size_t kStop = 0;
constexpr std::size_t kLook = 1;
constexpr std::size_t kFirstMember = 2;

}  // namespace

ReleaseAgents::ReleaseAgents(runner::WorldAgent agent, Parts parts)
    : agent_(std::move(agent)),
      parts_(std::move(parts)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      look_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { wait_for_members(); }) {}

ReleaseAgents::~ReleaseAgents() { stop(); }

void ReleaseAgents::stop() {
    if (thread_.joinable()) {
        eventfd_write(stop_.get(), 1);
        thread_.join();
    }
}

void ReleaseAgents::look() { eventfd_write(look_.get(), 1); }

void ReleaseAgents::run(const engine::ReleaseAgentEffect& effect) {
    const auto started = agent_.start_program({effect.program, effect.group}, [this](pid_t pid) {
        static_cast<void>(parts_.tasks.set_css_set(pid, 0));
    });
    if (started.ok()) {
        parts_.logger.info("release agent program={} group={}", effect.program, effect.group);
    } else if (started.error() != Errno::kESRCH) {  // the helper goes when the run ends
        parts_.logger.warn("cannot run release agent program={} group={} error={}", effect.program,
                           effect.group, errno_name(started.error()));
    }
}

void ReleaseAgents::wait_for_members() {
    for (;;) {
        std::vector<std::int32_t> pids;
        {
            const MutexLock lock(parts_.engine_mutex);
            pids = parts_.engine.awaited_members();
        }
        std::vector<pollfd> waited{{stop_.get(), POLLIN, 0}, {look_.get(), POLLIN, 0}};
        std::vector<runner::UniqueFd> members;
        bool ended = false;
        for (const std::int32_t pid : pids) {
            runner::UniqueFd member(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
            ended = ended || (!member.valid() && errno == ESRCH);
            if (member.valid()) {
                waited.push_back({member.get(), POLLIN, 0});
                members.push_back(std::move(member));
            }
        }
        while (!ended && poll(waited.data(), waited.size(), -1) < 0) {
        }
        if (waited[kStop].revents != 0) {
            return;
        }
        if (waited[kLook].revents != 0) {
            eventfd_t looks = 0;
            eventfd_read(look_.get(), &looks);
        }
        if (ended || std::any_of(waited.begin() + kFirstMember, waited.end(),
                                 [](const pollfd& member) { return member.revents != 0; })) {
            parts_.refresh();
        }
    }
}

}  // namespace memcgfs::cli
