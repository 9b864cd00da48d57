// SPDX-License-Identifier: MIT
#include "engine/release.h"

#include <utility>

#include "engine/members.h"
#include "engine/threads.h"

namespace memcgfs::engine {

namespace {

bool has_agent(const Cgroup& group) {
    return group.notify_on_release && !group.hierarchy->root->release_agent.empty();
}

}  // namespace

void check_for_release(Engine::State& state, const Cgroup& group) {
    // A root is never empty in the kernel, whose own threads are in it.
    if (!has_agent(group) || group.is_root() || group.populated() || !group.children.empty()) {
        return;
    }
    state.emit(ReleaseAgentEffect{group.hierarchy->root->release_agent, path_of(group)});
}

void await_members(Engine::State& state, const Cgroup& group) {
    if (has_agent(group) && !group.tasks.empty()) {
        state.emit(AwaitMembersEffect{});
    }
}

void Engine::set_notify_on_release(Cgroup& group, bool notify) {
    group.notify_on_release = notify;
    await_members(*state_, group);
}

void Engine::set_release_agent(Cgroup& root, std::string program) {
    root.release_agent = std::move(program);
    if (!root.release_agent.empty()) {
        state_->emit(AwaitMembersEffect{});
    }
}

std::vector<std::int32_t> Engine::awaited_members() const {
    std::vector<std::int32_t> pids;
    state_->cgroups.for_each([&](const Cgroup& group) {
        if (!has_agent(group) || group.is_root()) {
            return;
        }
        for (const TaskId id : group.tasks) {
            if (const Task* task = state_->tasks.find(id); task != nullptr) {
                pids.push_back(process_of(*task));
            }
        }
    });
    return pids;
}

}  // namespace memcgfs::engine
