// SPDX-License-Identifier: MIT
#include "engine/oom_priority.h"

#include <algorithm>

#include "engine/oom.h"

namespace memcgfs::engine {

namespace {

Pages used_by(const Engine::State& state, const Memcg& memcg) {
    return state.memory_on_v1() ? memcg.memsw.usage() : memcg.memory.usage();
}

bool has_candidate(const Engine::State& state, const Memcg& memcg) {
    const std::vector<Task*> tasks = tasks_of_subtree(state, memcg);
    return std::any_of(tasks.begin(), tasks.end(), [](const Task* task) {
        return is_oom_candidate(*task) && !task->oom_reaped;
    });
}

const Memcg* first_child(const Engine::State& state, const Memcg& memcg) {
    const Memcg* best = nullptr;
    for (const Memcg* child : memcg.children) {
        if (!child->online || !has_candidate(state, *child)) {
            continue;
        }
        const bool better =
            best == nullptr || child->oom_priority < best->oom_priority ||
            (child->oom_priority == best->oom_priority &&
             used_by(state, *child) > used_by(state, *best));
        best = better ? child : best;
    }
    return best;
}

}  // namespace

const Memcg& oom_priority_domain(const Engine::State& state, const Memcg& domain) {
    if (!domain.use_priority_oom || (state.memory_on_v1() && !domain.use_hierarchy)) {
        return domain;
    }
    const Memcg* level = &domain;
    while (const Memcg* child = first_child(state, *level)) {
        level = child;
    }
    return *level;
}

}  // namespace memcgfs::engine
