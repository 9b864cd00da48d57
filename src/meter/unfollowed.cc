// SPDX-License-Identifier: MIT
//
// Processes that nobody traces here: no event tells of their children, programs and ends, so they
// are visited. DEVIATION(unfollowed-processes).
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <utility>

#include "meter/follow_loop.h"
#include "meter/proc_look.h"

namespace memcgfs::meter {

namespace {

constexpr Nanos kBetweenVisits = from_millis(10);
/// A visit takes some 15 us: this keeps the visits of many below a hundredth of a processor.
constexpr Nanos kPerVisit = from_micros(1500);
constexpr Nanos kBetweenSearches = from_millis(1000);

}  // namespace

void Follower::Loop::look_from_afar(pid_t pid, std::shared_ptr<FaultBell> bell) {
    Unfollowed& one = unfollowed_[pid];
    one.program = program_of(pid).value_or(Program{});
    one.bell = bell != nullptr ? std::move(bell) : hang_bell(pid);
    const MutexLock lock(mutex_);
    if (one.bell != nullptr) {
        counted_.insert(pid);
    }
}

void Follower::Loop::visit_unfollowed() {
    if (clock_.now() < next_visit_) {
        return;
    }
    std::deque<pid_t> to_visit;
    for (const auto& [pid, one] : unfollowed_) {
        to_visit.push_back(pid);
    }
    for (; !to_visit.empty(); to_visit.pop_front()) {
        const pid_t pid = to_visit.front();
        const auto program = program_of(pid);
        const Program before = unfollowed_[pid].program;
        // A pid may have passed to another process, which is none of ours.
        if (!program || program->process_start != before.process_start) {
            lose(pid);
            continue;
        }
        unfollowed_[pid].program = *program;
        if (program->stack_start != before.stack_start) {
            meter_.exec(pid, comm_of(pid));
        }
        for (const pid_t child : children_of(pid)) {
            if (take_in(pid, child)) {
                to_visit.push_back(child);
            }
        }
    }
    const auto count = static_cast<std::int64_t>(unfollowed_.size());
    next_visit_ = clock_.now() + std::max(kBetweenVisits, kPerVisit * count);
}

bool Follower::Loop::take_in(pid_t parent, pid_t child) {
    if (unfollowed_.contains(child) || processes_.contains(child) || parts_.exempt(child)) {
        return false;
    }
    // What they share is to be in the parent's books before, and be its present program's; else at
    // a later visit.
    const auto program = program_of(parent);
    if (!program || program->stack_start != unfollowed_[parent].program.stack_start ||
        !meter_.settle(parent).free ||
        !meter_.fork({parent, child, false, parts_.tasks.css_set(child), {}})) {
        return false;
    }
    meter_.thread_begins(child, child);
    look_from_afar(child, unfollowed_[parent].bell);
    if (unfollowed_[child].program.stack_start != unfollowed_[parent].program.stack_start) {
        meter_.exec(child, comm_of(child));
    }
    return true;
}

/// It has ended.
void Follower::Loop::lose(pid_t pid) {
    if (kill(pid, 0) != 0 && errno == ESRCH) {
        meter_.exit(pid);
    } else {
        meter_.forget(pid);  // as a zombie it goes on being a member
    }
    unfollowed_.erase(pid);
    {
        const MutexLock lock(mutex_);
        counted_.erase(pid);
        stopped_by_us_.erase(pid);
    }
    has_orphans_ = !parts_.traces;
    parts_.flush();
}

/// For children of those who ended before they were visited again.
void Follower::Loop::search() {
    if (parts_.traces || clock_.now() < next_search_ || (unfollowed_.empty() && !has_orphans_)) {
        return;
    }
    has_orphans_ = false;
    parts_.refresh();
    for (const world::ProcessInfo& process : parts_.tasks.snapshot()) {
        const pid_t pid = process.pid;
        if (process.css_set == 0 || process.zombie) {
            continue;
        }
        if (unfollowed_.contains(process.parent)) {
            take_in(process.parent, pid);
        } else if (!unfollowed_.contains(pid) && !parts_.exempt(pid) && belongs_to_a_group(pid) &&
                   meter_.watch(pid).ok()) {
            meter_.exec(pid, process.comm);  // whatever it has came when it was in the group
            look_from_afar(pid);
        }
    }
    next_search_ = clock_.now() + kBetweenSearches;
}

}  // namespace memcgfs::meter
