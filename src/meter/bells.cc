// SPDX-License-Identifier: MIT
//
// Processes that nobody traces here, but whose page faults are counted: they are looked at when
// their bells ring, and stopped by a signal while they have to wait.
// DEVIATION(unfollowed-processes).
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <utility>

#include "meter/follow_loop.h"
#include "meter/proc_look.h"

namespace memcgfs::meter {

namespace {

/// Reclaim is mostly over by then; to stop somebody for less is not worth that his parent sees it.
constexpr Nanos kPatience = from_millis(1);
/// Makes the next look come about then.
constexpr Pages kPatienceInPages{1700};
/// A program that takes huge pages at full speed needs twice the time for a page.
constexpr Nanos kQuietPerPage{100};
constexpr Nanos kLongestQuiet = from_millis(2);
constexpr Pages kFarPages{1 << 20};
/// Bells ring for pages of files as well, which nobody pays for.
constexpr Nanos kBetweenHurriedVisits = from_millis(1);

}  // namespace

std::shared_ptr<FaultBell> Follower::Loop::hang_bell(pid_t pid) {
    if (!parts_.counts) {
        return nullptr;
    }
    auto bell = FaultBell::hang(pid, gettid());
    if (bell.ok()) {
        return std::make_shared<FaultBell>(std::move(bell).value());
    }
    if (bell.error() != Errno::kESRCH && !std::exchange(bell_refused_, true)) {
        parts_.logger.warn(
            "page faults of pid={} cannot be counted ({}): its memory, and that of others like it, "
            "is looked at from time to time",
            pid, errno_name(bell.error()));
    }
    return nullptr;
}

void Follower::Loop::note_signal(const siginfo_t& info) {
    if (info.si_signo == FaultBell::signal()) {
        rung_.insert(info.si_fd);
    } else if (info.si_signo == SIGIO) {
        lost_rings_ = true;
    }
}

bool Follower::Loop::answer_bells() {
    if (!parts_.counts || unfollowed_.empty() || clock_.now() < quiet_until_) {
        return false;
    }
    sigset_t bells;
    sigemptyset(&bells);
    sigaddset(&bells, FaultBell::signal());
    sigaddset(&bells, SIGIO);
    siginfo_t info{};
    constexpr timespec kAtOnce{};
    while (sigtimedwait(&bells, &info, &kAtOnce) > 0) {
        note_signal(info);
    }
    const auto rung = std::exchange(rung_, {});
    const bool all = std::exchange(lost_rings_, false);
    if (rung.empty() && !all) {
        return false;
    }
    TickPace::Round round;
    for (auto& [pid, one] : unfollowed_) {
        if (one.bell != nullptr && (all || one.bell->is_among(rung))) {
            look_at_unfollowed(pid, one, round);
        }
    }
    if (!round.grew && clock_.now() >= next_hurried_visit_) {
        // A child, perhaps, that has not been found yet.
        next_visit_ = clock_.now();
        visit_unfollowed();
        next_hurried_visit_ = clock_.now() + kBetweenHurriedVisits;
    }
    rest_from_bells();
    return true;
}

/// Most of a bell's cost is that somebody answers it: nobody does while all are far from limits.
/// Rings that come meanwhile wait.
void Follower::Loop::rest_from_bells() {
    Pages headroom = kPageCounterMax;
    for (const auto& [pid, one] : unfollowed_) {
        if (one.bell != nullptr) {
            headroom = std::min(headroom, one.headroom);
        }
    }
    const Pages pages = std::min(headroom, kFarPages);
    quiet_until_ = clock_.now() + std::min(kQuietPerPage * static_cast<std::int64_t>(pages.count()),
                                           kLongestQuiet);
}

void Follower::Loop::look_at_unfollowed(pid_t pid, Unfollowed& one, TickPace::Round& round) {
    const Meter::Settled settled = look(pid, round);
    if (settled.grown > Pages{0}) {
        one.headroom = meter_.headroom(pid);
    }
    if (settled.free) {
        one.owes_since.reset();
        let_run(pid, one);
        return;
    }
    const Nanos now = clock_.now();
    const Nanos since = one.owes_since.value_or(now);
    one.owes_since = since;
    if (one.stopped && tracer_of(pid) != 0) {
        let_run(pid, one);  // a debugger has come
    } else if (!one.stopped && (meter_.waits(pid) || now - since >= kPatience) &&
               may_stop(pid, one)) {
        stop_by_signal(pid, one);
    }
    if (!one.stopped) {
        round.grew = true;
        round.headroom = std::min(round.headroom, kPatienceInPages);
        next_tick_ = std::min(next_tick_, now + kPatience);
    }
}

/// Never whom a debugger traces, nor whom somebody else has stopped: he would go on with us.
bool Follower::Loop::may_stop(pid_t pid, const Unfollowed& one) const {
    if (one.bell == nullptr || one.given_up || is_stopped(pid) || tracer_of(pid) != 0 ||
        is_foreground_job(pid)) {
        return false;
    }
    const auto program = program_of(pid);
    return program && program->process_start == one.program.process_start;
}

/// Nobody is to see it stopped, so it is written down before.
void Follower::Loop::stop_by_signal(pid_t pid, Unfollowed& one) {
    {
        const MutexLock lock(mutex_);
        stopped_by_us_.insert(pid);
    }
    one.stopped = kill(pid, SIGSTOP) == 0;
}

void Follower::Loop::let_run(pid_t pid, Unfollowed& one) {
    if (std::exchange(one.stopped, false)) {
        kill(pid, SIGCONT);
        const MutexLock lock(mutex_);
        stopped_by_us_.erase(pid);
    }
}

}  // namespace memcgfs::meter
