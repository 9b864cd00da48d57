// SPDX-License-Identifier: MIT
//
// /dev/kmsg (kernel/printk/printk.c, devkmsg_*, 6.1; Documentation/ABI/testing/dev-kmsg).
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "interface/proc_services.h"
#include "interface/proc_tables.h"

namespace memcgfs::interface {
namespace {

/// Lines have gone that were not read.
constexpr Errno kLost{EPIPE};

/// Where one open file is in the log. It outlives the open file while an operation reads.
class Reader {
public:
    explicit Reader(KernelLog& log) : log_(log), next_(log.bounds().first) {}

    /// EAGAIN: there is nothing yet.
    Result<void> take(const vfs::RecordRead& read) {
        for (;;) {
            const std::uint64_t number = MEMCGFS_TRY(next(read.offset, log_.bounds().first));
            auto record = log_.record(number);
            if (!record && number >= log_.bounds().first) {
                return Err(Errno::kEAGAIN);
            }
            if (record && record->size() > read.size) {
                return Err(Errno::kEINVAL);
            }
            const MutexLock lock(mutex_);
            if (record && next_ == number) {  // else it has been lost, or another thread was faster
                next_++;
                offset_ = read.offset + record->size();
                *read.record = *std::move(record);
                return {};
            }
        }
    }

    void seek(vfs::RecordPlace place) {
        const KernelLog::Bounds bounds = log_.bounds();
        const MutexLock lock(mutex_);
        next_ = place == vfs::RecordPlace::kEnd ? bounds.end : bounds.cleared;
        offset_ = 0;  // the position that either gives
    }

    short poll() const {
        const KernelLog::Bounds bounds = log_.bounds();
        const MutexLock lock(mutex_);
        if (next_ < bounds.first) {
            return POLLIN | POLLRDNORM | POLLERR | POLLPRI;
        }
        return next_ < bounds.end ? POLLIN | POLLRDNORM : 0;
    }

private:
    /// Whose turn it is, of a log that begins with `first`.
    Result<std::uint64_t> next(std::uint64_t offset, std::uint64_t first) {
        const MutexLock lock(mutex_);
        if (offset == 0 && offset_ != 0) {
            next_ = first;  // sought back to the start
            offset_ = 0;
        }
        if (next_ < first) {
            next_ = first;
            return Err(kLost);
        }
        return next_;
    }

    KernelLog& log_;
    /// Not held together with the log's.
    mutable Mutex mutex_{LockRank::kLeaf};
    std::uint64_t next_ MEMCGFS_GUARDED_BY(mutex_);
    std::uint64_t offset_ MEMCGFS_GUARDED_BY(mutex_) = 0;  ///< after the last record
};

struct ReaderState final : vfs::OpenState {
    explicit ReaderState(KernelLog& log) : reader(std::make_shared<Reader>(log)) {}
    const std::shared_ptr<Reader> reader;
};

std::shared_ptr<Reader> reader_of(const ProcContext& context) {
    if (*context.state == nullptr) {
        *context.state = std::make_unique<ReaderState>(*context.services.log);
    }
    return static_cast<ReaderState&>(**context.state).reader;
}

/// Waits for a line.
class ReadOperation final : public Operation {
public:
    ReadOperation(ProcServices& services, std::shared_ptr<Reader> reader, vfs::RecordRead read)
        : services_(services),
          reader_(std::move(reader)),
          read_(std::move(read)),
          id_(OperationId{kOwnIds | ++services.waits}) {}

    Step step() override {
        if (interrupted_) {
            result_ = Err(Errno::kEINTR);
            return {Step::Kind::kDone, {}};
        }
        // First, so that no line falls in between.
        services_.log->when_logged([wake = services_.wake, id = id_] { wake(id); });
        const Result<void> taken = reader_->take(read_);
        if (!taken.ok() && taken.error() == Errno::kEAGAIN) {
            return {Step::Kind::kWait, {}};
        }
        result_ = taken.ok() ? OperationResult(std::uint64_t{0}) : Err(taken.error());
        return {Step::Kind::kDone, {}};
    }
    void interrupt() override { interrupted_ = true; }
    OperationResult result() const override { return result_; }
    OperationId id() const override { return id_; }
    std::string_view name() const override { return "kmsg"; }

private:
    /// The engine counts its own from below.
    static constexpr std::uint64_t kOwnIds = std::uint64_t{1} << 63U;

    ProcServices& services_;
    const std::shared_ptr<Reader> reader_;
    const vfs::RecordRead read_;
    const OperationId id_;
    bool interrupted_ = false;
    OperationResult result_ = std::uint64_t{0};
};

Result<vfs::StoreOutcome> read_kmsg(const ProcContext& context, const vfs::RecordRead& read) {
    std::shared_ptr<Reader> reader = reader_of(context);
    const Result<void> taken = reader->take(read);
    if (taken.ok()) {
        return vfs::StoreOutcome{};
    }
    if (taken.error() != Errno::kEAGAIN || !read.may_wait) {
        return Err(taken.error());
    }
    return vfs::StoreOutcome{
        .operation = std::make_unique<ReadOperation>(context.services, std::move(reader), read)};
}

void seek_kmsg(const ProcContext& context, vfs::RecordPlace place) {
    reader_of(context)->seek(place);
}

short poll_kmsg(const ProcContext& context) { return reader_of(context)->poll(); }

Result<vfs::StoreOutcome> write_kmsg(const ProcContext& context, std::string_view text) {
    // A prefix of 32 bytes had to fit in; now 1024 bytes are the limit, the log's own.
    constexpr engine::KernelVersion kWithoutPrefix{6, 12};
    constexpr std::size_t kMostWithPrefix = 992;
    if (context.services.engine.profile().version < kWithoutPrefix &&
        text.size() > kMostWithPrefix) {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(context.services.log->write(text));
    return vfs::StoreOutcome{};
}

constexpr ProcRecords kKmsg{.read = read_kmsg, .seek = seek_kmsg, .poll = poll_kmsg};

constexpr auto kFiles = std::to_array<ProcFile>({
    {
        .path = "/dev/kmsg",
        .store = write_kmsg,
        .records = &kKmsg,
        .doc = "The kernel log, a line a read; what is written becomes a line.",
    },
});

}  // namespace

std::span<const ProcFile> kmsg_proc_files() { return kFiles; }

}  // namespace memcgfs::interface
