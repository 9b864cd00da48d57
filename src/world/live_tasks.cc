// SPDX-License-Identifier: MIT
#include "memcgfs/world/live_tasks.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "world/membership_tag.h"
#include "world/proc_reader.h"

namespace memcgfs::world {

namespace {

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) {
            close(number_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }

private:
    int number_;
};

bool same_file(int first, int second) {
    struct stat a{};
    struct stat b{};
    return fstat(first, &a) == 0 && fstat(second, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

}  // namespace

std::uint32_t LiveTasks::new_world_id() {
    std::uint32_t id = 0;
    do {
        if (getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id)) {
            id = static_cast<std::uint32_t>(getpid());
        }
        id &= (1U << kWorldIdBits) - 1;
    } while (id == 0);
    return id;
}

bool LiveTasks::has_tag(std::int32_t pid, std::uint32_t world_id) {
    rlimit64 limit{};
    if (prlimit64(pid, RLIMIT_LOCKS, nullptr, &limit) != 0 ||
        !decode_tag(limit.rlim_cur, world_id)) {
        return false;
    }
    const auto proc = ProcReader::create();
    const auto stat = proc.ok() ? (*proc)->stat(pid) : Result<ProcStat>(Err(proc.error()));
    return stat.ok() && !stat->zombie;
}

Result<std::unique_ptr<LiveTasks>> LiveTasks::create(Options options) {
    MEMCGFS_ASSERT(options.world_id < 1U << kWorldIdBits);
    auto proc = MEMCGFS_TRY(ProcReader::create());
    return std::unique_ptr<LiveTasks>(new LiveTasks(options, std::move(proc)));
}

LiveTasks::LiveTasks(Options options, std::unique_ptr<ProcReader> proc)
    : filter_(options.filter),
      world_id_(options.world_id != 0 ? options.world_id : new_world_id()),
      proc_(std::move(proc)) {}

LiveTasks::~LiveTasks() = default;

Result<ProcessInfo> LiveTasks::find(std::int32_t pid, std::int32_t caller_tid) {
    const std::int32_t wanted = MEMCGFS_TRY(resolve(pid, caller_tid));
    const std::int32_t process_id = MEMCGFS_TRY(proc_->status(wanted)).process;
    ProcStat stat = MEMCGFS_TRY(proc_->stat(process_id));
    const Met process{process_id, stat.start_time};
    const Seen seen = known(process);
    std::optional<std::uint32_t> css_set;
    if (!stat.kernel_thread) {
        css_set = membership(process, seen);
    }
    // Kernel threads are of no world, and known to be such in all.
    if (filter_ == Filter::kOnlyTagged && !css_set && !stat.kernel_thread) {
        return Err(Errno::kESRCH);
    }
    const Details details = MEMCGFS_TRY(read_details(process.pid, seen));
    if (remember(process)) {
        MutexLock lock(mutex_);
        entry_of(process).details = details;
    }
    return ProcessInfo{process.pid,
                       details.uid,
                       details.saved_uid,
                       details.oom_score_adj,
                       std::move(stat.comm),
                       stat.threads,
                       stat.kernel_thread,
                       stat.zombie || seen.left,
                       css_set.value_or(0),
                       stat.parent,
                       wanted};
}

std::vector<std::int32_t> LiveTasks::threads_of(std::int32_t pid) {
    std::vector<std::int32_t> threads = proc_->threads(pid);
    const Result<ProcStat> stat = proc_->stat(pid);
    if (!stat.ok() || stat->first_thread_ended) {
        std::erase(threads, pid);
    }
    return threads;
}

std::vector<ProcessInfo> LiveTasks::snapshot() {
    std::uint64_t epoch = 0;
    {
        MutexLock lock(mutex_);
        epoch = ++epoch_;
    }
    const std::vector<std::int32_t> pids = proc_->processes();
    std::vector<ProcessInfo> processes;
    std::vector<Met> met;
    processes.reserve(pids.size());
    met.reserve(pids.size());
    for (const std::int32_t pid : pids) {
        Result<ProcessInfo> process = look_at(pid, met);
        if (process.ok()) {
            processes.push_back(std::move(process).value());
        }
    }
    const std::vector<std::int32_t> passed_on = settle_seen(met, epoch);
    if (!passed_on.empty()) {
        std::erase_if(processes, [&](const ProcessInfo& process) {
            return std::find(passed_on.begin(), passed_on.end(), process.pid) != passed_on.end();
        });
    }
    return processes;
}

Result<ProcessInfo> LiveTasks::look_at(std::int32_t pid, std::vector<Met>& met) {
    // One system call rules most of the host out of a closed world.
    rlimit64 limit{};
    if (filter_ == Filter::kOnlyTagged && prlimit64(pid, RLIMIT_LOCKS, nullptr, &limit) == 0 &&
        !decode_tag(limit.rlim_cur, world_id_) && !remembered(pid)) {
        return Err(Errno::kESRCH);
    }
    ProcStat stat = MEMCGFS_TRY(proc_->stat(pid));
    const Met& process = met.emplace_back(Met{pid, stat.start_time});
    const Seen seen = known(process);
    std::optional<std::uint32_t> css_set;
    if (!stat.kernel_thread) {
        css_set = membership(process, seen);
    }
    if (filter_ == Filter::kOnlyTagged && !css_set) {
        return Err(Errno::kESRCH);
    }
    Details details;
    if (seen.details) {
        details = *seen.details;
        if (css_set.value_or(0) != 0) {
            details.oom_score_adj = MEMCGFS_TRY(read_oom_score_adj(pid, seen));
        }
    } else {
        details = MEMCGFS_TRY(read_details(pid, seen));
        if (remember(process)) {
            MutexLock lock(mutex_);
            entry_of(process).details = details;
        }
    }
    return ProcessInfo{pid,
                       details.uid,
                       details.saved_uid,
                       details.oom_score_adj,
                       std::move(stat.comm),
                       stat.threads,
                       stat.kernel_thread,
                       stat.zombie || seen.left,
                       css_set.value_or(0),
                       stat.parent,
                       pid};
}

Result<LiveTasks::Details> LiveTasks::read_details(std::int32_t pid, const Seen& seen) const {
    const ProcStatus status = MEMCGFS_TRY(proc_->status(pid));
    return Details{status.uid, status.saved_uid, MEMCGFS_TRY(read_oom_score_adj(pid, seen))};
}

Result<std::int32_t> LiveTasks::read_oom_score_adj(std::int32_t pid, const Seen& seen) const {
    const std::int32_t real = MEMCGFS_TRY(proc_->oom_score_adj(pid));
    const bool stands = seen.oom_score_adj && seen.oom_score_adj->real == real;
    return stands ? seen.oom_score_adj->claimed : real;
}

Result<void> LiveTasks::claim_oom_score_adj(std::int32_t pid, std::int32_t oom_score_adj) {
    const Met process{pid, MEMCGFS_TRY(proc_->stat(pid)).start_time};
    const std::int32_t real = MEMCGFS_TRY(proc_->oom_score_adj(pid));
    MutexLock lock(mutex_);
    Seen& seen = entry_of(process);
    if (seen.start_time != process.start_time) {
        return Err(Errno::kESRCH);
    }
    seen.oom_score_adj = Claim{real, oom_score_adj};
    seen.details.reset();
    return {};
}

LiveTasks::Seen LiveTasks::known(Met process) {
    MutexLock lock(mutex_);
    const auto seen = seen_.find(process.pid);
    if (seen == seen_.end() || seen->second.start_time != process.start_time) {
        return {};
    }
    return seen->second;
}

bool LiveTasks::remembered(std::int32_t pid) {
    MutexLock lock(mutex_);
    return seen_.count(pid) != 0;
}

std::vector<std::int32_t> LiveTasks::settle_seen(const std::vector<Met>& met, std::uint64_t epoch) {
    std::vector<std::int32_t> passed_on;
    MutexLock lock(mutex_);
    for (const Met& process : met) {
        const auto [entry, added] = seen_.try_emplace(process.pid);
        if (added) {
            entry->second.start_time = process.start_time;
        } else if (entry->second.start_time < process.start_time) {
            // Left as it is, and so forgotten below: the next snapshot meets a new pid.
            passed_on.push_back(process.pid);
            continue;
        }
        entry->second.epoch = std::max(entry->second.epoch, epoch);
    }
    std::erase_if(seen_, [&](const auto& entry) { return entry.second.epoch < epoch; });
    return passed_on;
}

Result<void> LiveTasks::write_tag(std::int32_t pid, std::uint32_t css_set) const {
    rlimit64 limit{};
    if (prlimit64(pid, RLIMIT_LOCKS, nullptr, &limit) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    limit.rlim_cur = encode_tag(world_id_, css_set);
    // Somebody may have lowered the hard limit; raising it wants CAP_SYS_RESOURCE.
    limit.rlim_max = limit.rlim_max < limit.rlim_cur ? RLIM64_INFINITY : limit.rlim_max;
    if (prlimit64(pid, RLIMIT_LOCKS, &limit, nullptr) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

Result<void> LiveTasks::set_css_set(std::int32_t pid, std::uint32_t css_set) {
    const ProcStat stat = MEMCGFS_TRY(proc_->stat(pid));
    const Met process{pid, stat.start_time};
    if (stat.zombie || !remember(process)) {
        return Err(Errno::kESRCH);
    }
    const Result<void> tagged = write_tag(pid, css_set);
    if (!tagged.ok() && tagged.error() == Errno::kESRCH) {
        return Err(Errno::kESRCH);
    }
    MutexLock lock(mutex_);
    Seen& seen = entry_of(process);
    seen.locks_limit.reset();
    seen.css_set.reset();
    if (!tagged.ok()) {
        seen.css_set = css_set;
    }
    return {};
}

Result<void> LiveTasks::lend_css_set(std::int32_t pid, std::uint32_t css_set) {
    const ProcStat stat = MEMCGFS_TRY(proc_->stat(pid));
    const Met process{pid, stat.start_time};
    if (stat.zombie || !remember(process)) {
        return Err(Errno::kESRCH);
    }
    const std::uint32_t own = membership(process, known(process)).value_or(0);
    {
        // Before the tag changes: nobody shall see the process itself elsewhere.
        MutexLock lock(mutex_);
        entry_of(process).css_set = own;
    }
    return write_tag(pid, css_set);
}

std::optional<std::uint32_t> LiveTasks::css_set(std::int32_t pid) {
    const Result<ProcStat> stat = proc_->stat(pid);
    if (!stat.ok()) {
        return std::nullopt;
    }
    const Met process{pid, stat->start_time};
    return remember(process) ? membership(process, known(process)) : std::nullopt;
}

void LiveTasks::leaves(std::int32_t pid) {
    {
        // Who says so has it in hand: what is known by the number is known of it.
        MutexLock lock(mutex_);
        if (const auto seen = seen_.find(pid); seen != seen_.end()) {
            seen->second.left = true;
            return;
        }
    }
    const Result<ProcStat> stat = proc_->stat(pid);
    if (const Met process{pid, stat.ok() ? stat->start_time : 0}; stat.ok() && remember(process)) {
        MutexLock lock(mutex_);
        entry_of(process).left = true;
    }
}

Result<void> LiveTasks::kill(std::int32_t pid) { return signal(pid, SIGKILL); }

Result<void> LiveTasks::freeze(std::int32_t pid, bool frozen) {
    const ProcStat stat = MEMCGFS_TRY(proc_->stat(pid));
    {
        MutexLock lock(mutex_);
        const auto seen = seen_.find(pid);
        if (seen != seen_.end() && seen->second.start_time == stat.start_time) {
            if (frozen) {
                seen->second.stopped = stat.stopped;
            } else if (seen->second.stopped) {
                return {};
            }
        }
    }
    return signal(pid, frozen ? SIGSTOP : SIGCONT);
}

Result<void> LiveTasks::signal(std::int32_t pid, int number) {
    std::uint64_t start_time = 0;
    {
        MutexLock lock(mutex_);
        const auto seen = seen_.find(pid);
        if (seen == seen_.end()) {
            return Err(Errno::kESRCH);
        }
        start_time = seen->second.start_time;
    }
    // The descriptor first: if the pid passes on after this, the signal goes to nobody.
    const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (process.get() < 0) {
        return Err(static_cast<Errno>(errno));
    }
    const ProcStat stat = MEMCGFS_TRY(proc_->stat(pid));
    if (stat.start_time != start_time) {
        return Err(Errno::kESRCH);
    }
    if (syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

Result<std::int32_t> LiveTasks::resolve(std::int32_t pid, std::int32_t caller_tid) const {
    if (pid < 0 || (pid == 0 && caller_tid <= 0)) {
        return Err(Errno::kESRCH);
    }
    if (pid == 0) {
        return caller_tid;
    }
    if (caller_tid > 0) {
        const Result<ProcStatus> caller = proc_->status(caller_tid);
        if (caller.ok() && caller->namespace_pids.size() > 1) {
            return translate(pid, caller_tid, caller->namespace_pids.size());
        }
    }
    return pid;
}

Result<std::int32_t> LiveTasks::translate(std::int32_t pid, std::int32_t caller_tid,
                                          std::size_t caller_depth) const {
    const Result<int> opened = proc_->open_pid_namespace(caller_tid, 0);
    const Descriptor caller_namespace(opened.ok() ? *opened : -1);
    for (const std::int32_t candidate : proc_->processes()) {
        if (number_in(caller_namespace.get(), caller_depth, candidate) == pid) {
            return candidate;
        }
    }
    // No process has it, but a thread may.
    for (const std::int32_t candidate : proc_->processes()) {
        const Result<ProcStat> stat = proc_->stat(candidate);
        if (!stat.ok() || stat->threads <= 1 || stat->kernel_thread) {
            continue;
        }
        for (const std::int32_t tid : proc_->threads(candidate)) {
            if (number_in(caller_namespace.get(), caller_depth, tid) == pid) {
                return tid;
            }
        }
    }
    return Err(Errno::kESRCH);
}

std::int32_t LiveTasks::number_in(int name_space, std::size_t depth, std::int32_t tid) const {
    const Result<ProcStatus> status = proc_->status(tid);
    if (!status.ok() || status->namespace_pids.size() < depth) {
        return 0;
    }
    const Result<int> opened =
        proc_->open_pid_namespace(tid, status->namespace_pids.size() - depth);
    const Descriptor theirs(opened.ok() ? *opened : -1);
    // Where a namespace may not be looked at, equal depth has to do.
    const bool member = name_space < 0 || theirs.get() < 0 || same_file(name_space, theirs.get());
    return member ? status->namespace_pids[depth - 1] : 0;
}

std::vector<std::int32_t> LiveTasks::as_seen_by(std::int32_t caller_tid,
                                                std::vector<std::int32_t> pids) {
    const Result<ProcStatus> caller = proc_->status(caller_tid);
    if (!caller.ok() || caller->namespace_pids.size() <= 1) {
        return pids;
    }
    const Result<int> opened = proc_->open_pid_namespace(caller_tid, 0);
    const Descriptor caller_namespace(opened.ok() ? *opened : -1);
    for (std::int32_t& pid : pids) {
        pid = number_in(caller_namespace.get(), caller->namespace_pids.size(), pid);
    }
    return pids;
}

std::optional<std::uint32_t> LiveTasks::membership(Met process, const Seen& seen) {
    if (seen.css_set) {
        return seen.css_set;
    }
    rlimit64 limit{};
    if (prlimit64(process.pid, RLIMIT_LOCKS, nullptr, &limit) == 0) {
        return decode_tag(limit.rlim_cur, world_id_);
    }
    if (errno != EPERM) {
        return std::nullopt;
    }
    if (seen.locks_limit) {
        return decode_tag(*seen.locks_limit, world_id_);
    }
    const Result<std::uint64_t> shown = proc_->locks_limit(process.pid);
    if (!shown.ok()) {
        return std::nullopt;
    }
    if (remember(process)) {
        MutexLock lock(mutex_);
        entry_of(process).locks_limit = *shown;
    }
    return decode_tag(*shown, world_id_);
}

bool LiveTasks::remember(Met process) {
    MutexLock lock(mutex_);
    return entry_of(process).start_time == process.start_time;
}

LiveTasks::Seen& LiveTasks::entry_of(Met process) {
    const auto [entry, added] = seen_.try_emplace(process.pid);
    if (added) {
        entry->second.start_time = process.start_time;
        entry->second.epoch = epoch_;
    }
    return entry->second;
}

}  // namespace memcgfs::world
