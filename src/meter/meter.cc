// SPDX-License-Identifier: MIT
#include "memcgfs/meter/meter.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "meter/proc_look.h"

namespace memcgfs::meter {

/// How far a payment has come, for who waits for it.
struct Meter::Progress {
    enum class Stage : std::uint8_t { kNone, kGoesOn, kWaits };

    void set(Stage next) {
        const MutexLock lock(mutex);
        stage = next;
        changed.notify_all();
    }
    /// Until it has ended, or waits itself.
    void await() {
        const MutexLock lock(mutex);
        for (int turn = 0; stage == Stage::kGoesOn && turn < kTurns; ++turn) {
            changed.wait_for(mutex, kTurn);
        }
    }

    static constexpr Nanos kTurn = from_millis(10);
    static constexpr int kTurns = 10;  // a reader's patience
    Mutex mutex{LockRank::kLeaf};
    CondVar changed;
    Stage stage MEMCGFS_GUARDED_BY(mutex) = Stage::kNone;
};

struct Meter::Watched {
    explicit Watched(MemoryProbe opened) : probe(std::move(opened)) {}
    Mutex looking{LockRank::kMeter};
    MemoryProbe probe;
    Pages shared{};             ///< at the last look
    bool has_segments = false;  ///< the same
    Pages mapped{};             ///< when it last was of interest whether it is plain
    Pages plain{};              ///< when that much was mapped, none was shared memory
    std::atomic<bool> may_lock = false;
    bool suspended = false;  ///< suspend_looks()
    std::shared_ptr<Progress> progress = std::make_shared<Progress>();
};

/// Tells of its steps.
class Meter::Payment final : public Operation {
public:
    Payment(std::unique_ptr<Operation> inner, const Clock& clock,
            std::shared_ptr<Progress> progress)
        : inner_(std::move(inner)), clock_(clock), progress_(std::move(progress)) {
        progress_->set(Progress::Stage::kGoesOn);
    }
    Step step() override {
        const Step step = inner_->step();
        const bool waits =
            step.kind == Step::Kind::kWait ||
            (step.kind == Step::Kind::kSleep && step.until > clock_.now() + kModelledWork);
        if (step.kind != Step::Kind::kDone) {
            progress_->set(waits ? Progress::Stage::kWaits : Progress::Stage::kGoesOn);
        }
        return step;
    }
    void interrupt() override { inner_->interrupt(); }
    OperationResult result() const override { return inner_->result(); }
    bool finished() const override { return inner_->finished(); }
    OperationId id() const override { return inner_->id(); }
    std::string_view name() const override { return inner_->name(); }

private:
    /// A sleep no longer than that stands for work; memory.high's are longer.
    static constexpr Nanos kModelledWork = from_millis(10);

    const std::unique_ptr<Operation> inner_;
    const Clock& clock_;
    const std::shared_ptr<Progress> progress_;
};

Meter::Meter(Parts parts)
    : parts_(std::move(parts)), ledger_(parts_.engine, parts_.engine_mutex, parts_.roots_too) {}

Meter::~Meter() = default;

std::shared_ptr<Meter::Watched> Meter::find(std::int32_t pid) const {
    const MutexLock lock(mutex_);
    const auto found = watched_.find(pid);
    return found == watched_.end() ? nullptr : found->second;
}

std::shared_ptr<Meter::Watched> Meter::add(std::int32_t pid) {
    auto probe = MemoryProbe::open(pid);
    if (!probe.ok()) {
        return nullptr;
    }
    auto watched = std::make_shared<Watched>(std::move(probe).value());
    const MutexLock lock(mutex_);
    watched_[pid] = watched;
    return watched;
}

void Meter::remove(std::int32_t pid) {
    const MutexLock lock(mutex_);
    watched_.erase(pid);
}

std::size_t Meter::count() const {
    const MutexLock lock(mutex_);
    return watched_.size();
}

std::vector<std::int32_t> Meter::watched() const {
    std::vector<std::int32_t> pids;
    const MutexLock lock(mutex_);
    for (const auto& [pid, watched] : watched_) {
        pids.push_back(pid);
    }
    return pids;
}

Result<void> Meter::watch(std::int32_t pid) {
    if (find(pid) != nullptr) {
        return {};
    }
    const auto watched = add(pid);
    if (watched == nullptr) {
        return Err(Errno::kESRCH);
    }
    const MutexLock looking(watched->looking);
    const Result<Pages> anon = watched->probe.anon();
    const Result<void> opened = anon.ok() ? ledger_.open(pid, *anon) : Err(anon.error());
    if (!opened.ok()) {
        remove(pid);
    } else if (resident_shmem(pid) > Pages{0}) {
        ledger_.shares(pid, shared_segments_of(pid), Ledger::Since::kBefore);
    }
    return opened;
}

void Meter::look_by(std::int32_t pid, std::int32_t tid) {
    auto probe = MemoryProbe::open(tid);
    if (const auto watched = find(pid); watched != nullptr && probe.ok()) {
        const MutexLock looking(watched->looking);
        watched->probe = std::move(probe).value();
    }
}

void Meter::may_lock(std::int32_t pid) {
    if (const auto watched = find(pid)) {
        watched->may_lock = true;
    }
}

bool Meter::fork(Ledger::Fork fork) {
    const auto watched = add(fork.child);
    if (watched == nullptr) {
        return false;
    }
    const Result<Pages> anon = watched->probe.anon();
    fork.anon = anon.ok() ? *anon : Pages{0};
    if (const auto parent = fork.shares_memory ? nullptr : find(fork.parent)) {
        const MutexLock looking(parent->looking);
        if (const auto memory = parent->probe.look(); memory.ok() && !parent->has_segments) {
            find_plain(fork.parent, *parent, memory->mapped);
        }
        watched->plain = parent->plain;
    }
    const bool has_books = ledger_.fork(fork);
    if (!has_books) {
        remove(fork.child);
    }
    return has_books;
}

void Meter::exec(std::int32_t pid, std::string comm) {
    if (const auto watched = find(pid)) {
        const MutexLock looking(watched->looking);
        watched->plain = Pages{0};
        watched->mapped = Pages{0};
        watched->may_lock = false;
        ledger_.exec(pid, std::move(comm));
    }
}

void Meter::thread_begins(std::int32_t pid, std::int32_t tid) {
    if (auto operation = ledger_.thread_begins(pid, tid)) {
        parts_.runner.run(std::move(operation), [this, pid, tid](const OperationResult& result) {
            ledger_.stack_settled(pid, tid, result);
        });
    }
}

/// Nobody waits for it: it is the group's, and the process may go on without.
void Meter::pay_for_region(std::int32_t pid) {
    if (auto operation = ledger_.first_region(pid)) {
        parts_.runner.run(std::move(operation), [](const OperationResult&) {});
    }
}

void Meter::thread_ends(std::int32_t pid, std::int32_t tid) { ledger_.thread_ends(pid, tid); }

void Meter::exit(std::int32_t pid) {
    remove(pid);
    ledger_.exit(pid);
}

void Meter::forget(std::int32_t pid) {
    remove(pid);
    ledger_.forget(pid);
}

Meter::Settled Meter::settle(std::int32_t pid, Care care) {
    const auto watched = find(pid);
    if (watched == nullptr) {
        return {};
    }
    Settled settled;
    for (int turn = 0; turn < kMostPayments; ++turn) {
        std::unique_ptr<Operation> payment;
        {
            const MutexLock looking(watched->looking);
            if (watched->suspended) {
                settled.free = !ledger_.owes(pid);
                return settled;
            }
            const auto memory = watched->probe.look();
            if (!memory.ok()) {
                return {};
            }
            if (memory->shared != watched->shared &&
                (care == Care::kFull || !is_plain(*watched, memory->mapped))) {
                look_at_segments(pid, *watched, *memory);
            }
            if (watched->may_lock) {
                ledger_.locks(pid, locked_memory(pid));
            }
            payment = ledger_.sampled(pid, memory->anon,
                                      parts_.evicted ? parts_.evicted(pid) : std::nullopt);
        }
        if (payment == nullptr) {
            settled.free = !ledger_.owes(pid);
            return settled;
        }
        settled.grown += ledger_.owed(pid);
        pay_for_region(pid);
        settled.free = pay(pid, watched->progress, std::move(payment));
        // Each segment of shared memory is paid for by itself, and what is locked.
        if (!settled.free || !(watched->has_segments || watched->may_lock)) {
            break;
        }
    }
    return settled;
}

/// To read all mappings takes a while, and few processes have shared memory: what they share mostly
/// is programs and libraries.
void Meter::look_at_segments(std::int32_t pid, Watched& watched,
                             const MemoryProbe::Memory& memory) {
    watched.shared = memory.shared;
    if (watched.has_segments || resident_shmem(pid) > Pages{0}) {
        const auto segments = shared_segments_of(pid);
        watched.has_segments = !segments.empty();
        ledger_.shares(pid, segments);
    } else {
        find_plain(pid, watched, memory.mapped);
    }
}

bool Meter::is_plain(const Watched& watched, Pages mapped) {
    return mapped == watched.plain && mapped > Pages{0};
}

/// To read its mappings pays for who maps no more for a while.
void Meter::find_plain(std::int32_t pid, Watched& watched, Pages mapped) {
    if (!is_plain(watched, mapped) && mapped == watched.mapped && shared_segments_of(pid).empty()) {
        watched.plain = mapped;
    }
    watched.mapped = mapped;
}

bool Meter::pay(std::int32_t pid, const std::shared_ptr<Progress>& progress,
                std::unique_ptr<Operation> operation) {
    // Whichever comes second knows of the first: the end of the payment, or of this look at it.
    auto first = std::make_shared<std::atomic<bool>>(true);
    auto payment = std::make_unique<Payment>(std::move(operation), parts_.clock, progress);
    const OperationId id = payment->id();
    parts_.runner.run(std::move(payment),
                      [this, pid, id, first, progress](const OperationResult& result) {
                          ledger_.settled(pid, id, result);
                          progress->set(Progress::Stage::kNone);
                          if (!first->exchange(false)) {
                              parts_.paid(pid);
                          }
                      });
    return !first->exchange(false);
}

bool Meter::waits(std::int32_t pid) const {
    const auto watched = find(pid);
    if (watched == nullptr) {
        return false;
    }
    const MutexLock lock(watched->progress->mutex);
    return watched->progress->stage == Progress::Stage::kWaits;
}

void Meter::admit(std::int32_t pid, Pages most, std::function<void(Admission, Pages)> decide) {
    // What it has given back meanwhile is room.
    if (!settle_for_other(pid, Care::kQuick)) {
        decide(Admission::kLater, Pages{0});
        return;
    }
    const Pages pages = std::clamp(headroom(pid), Pages{1}, most);
    Ledger::Grant grant = ledger_.grant(pid, pages);
    if (grant.answer == Ledger::Grant::Answer::kFree) {
        grant.pages = most;
    }
    pay_ahead(pid, std::move(grant), std::move(decide));
}

void Meter::admit_back(std::int32_t pid, Pages most, std::function<void(Admission, Pages)> decide) {
    if (!settle_for_other(pid)) {
        decide(Admission::kLater, Pages{0});
        return;
    }
    const auto evicted = parts_.evicted ? parts_.evicted(pid) : std::nullopt;
    const Pages pages = std::clamp(headroom(pid), Pages{1}, most);
    pay_ahead(pid, ledger_.grant_back(pid, pages, evicted.value_or(Pages{0})), std::move(decide));
}

void Meter::pay_ahead(std::int32_t pid, Ledger::Grant grant,
                      std::function<void(Admission, Pages)> decide) {
    const Pages pages = grant.pages;
    switch (grant.answer) {
        case Ledger::Grant::Answer::kPay:
            break;
        case Ledger::Grant::Answer::kFree:
            decide(Admission::kFree, pages);
            return;
        case Ledger::Grant::Answer::kLater:
            decide(Admission::kLater, Pages{0});
            return;
        case Ledger::Grant::Answer::kNever:
            decide(Admission::kNever, Pages{0});
            return;
    }
    const auto ended = [this, pid, pages, id = grant.operation->id(),
                        decide = std::move(decide)](const OperationResult& result) {
        ledger_.settled(pid, id, result);
        // It fails for who is being killed; who lives gets its page, and owes it.
        if (result.ok()) {
            decide(Admission::kCharged, pages);
        } else {
            const bool dying = ledger_.is_dying(pid);
            decide(dying ? Admission::kNever : Admission::kFree, Pages{1});
        }
    };
    pay_for_region(pid);
    parts_.runner.run(std::move(grant.operation), ended);
}

void Meter::suspend_looks(std::int32_t pid, bool on) {
    if (const auto watched = find(pid)) {
        const MutexLock looking(watched->looking);
        watched->suspended = on;
    }
}

void Meter::install(std::int32_t pid, Pages charged, const std::function<void()>& put) {
    const auto watched = find(pid);
    if (watched == nullptr) {
        put();
        return;
    }
    const MutexLock looking(watched->looking);
    put();
    ledger_.installed(pid, charged);
}

bool Meter::settle_for_other(std::int32_t pid, Care care) {
    const Settled settled = settle(pid, care);
    if (settled.free && settled.grown > Pages{0}) {
        // Whoever holds it may have found it paying in between.
        parts_.paid(pid);
    }
    return settled.free;
}

std::vector<std::int32_t> Meter::settle_each(const std::vector<std::int32_t>& pids) {
    std::vector<std::int32_t> owing;
    for (const std::int32_t pid : pids) {
        bool free = settle_for_other(pid);
        const auto watched = free ? nullptr : find(pid);
        // What comes while one payment is being made is for another.
        for (int look = 0; watched != nullptr && !free && look < kMostPayments; ++look) {
            watched->progress->await();
            free = settle_for_other(pid);
        }
        if (!free) {
            owing.push_back(pid);
        }
    }
    return owing;
}

std::vector<std::int32_t> Meter::settle(engine::CgroupId group) {
    drop_removed_segments();
    return count() == 0 ? std::vector<std::int32_t>{} : settle_each(ledger_.members(group));
}

void Meter::drop_removed_segments() {
    if (ledger_.has_unmapped_segments()) {
        ledger_.keep_sysv(sysv_segments());
    }
}

std::vector<std::int32_t> Meter::settle_all() {
    drop_removed_segments();
    return settle_each(watched());
}

}  // namespace memcgfs::meter
