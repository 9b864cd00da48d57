// SPDX-License-Identifier: MIT
//
// The kernel log: a ring of lines, as /dev/kmsg and syslog(2) show it.
//
// Counterpart: kernel/printk/printk.c (6.1) with CONFIG_LOG_BUF_SHIFT=17 and printk.time=1, as
// Debian's kernels have them. Times are of the monotonic clock, as the kernel's.
//
// Threads: any. Lock: LockRank::kLeaf. The functions given to when_logged() are called by whoever
// appends, without locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/result.h"

namespace memcgfs::interface {

class KernelLog {
public:
    /// What all lines and their headers may take.
    static constexpr std::size_t kBytes = std::size_t{1} << 17U;

    /// `clock` is the kernel's: monotonic, from the machine's start. It outlives the log.
    explicit KernelLog(const Clock& clock) : clock_(clock) {}

    /// A line that has no end yet could go on: it is shown when the next one begins.
    enum class LineEnd : std::uint8_t { kOpen, kClosed };
    /// `priority` is the level, and the facility times 8.
    void append(unsigned priority, std::string_view text, LineEnd end = LineEnd::kClosed);
    /// A write to /dev/kmsg: "<PRIORITY>TEXT", or TEXT alone, with or without a line end.
    /// EINVAL: longer than a line can be.
    Result<void> write(std::string_view text);

    /// Numbers of the lines that are there: from `first` on, up to `end`.
    struct Bounds {
        std::uint64_t first = 0;
        std::uint64_t cleared = 0;  ///< not before `first`
        std::uint64_t end = 0;
    };
    Bounds bounds() const;
    /// A line as /dev/kmsg gives it. Nothing: it has gone, or is yet to come.
    std::optional<std::string> record(std::uint64_t number) const;

    /// syslog(2) of a type that hands text out (2, 3, 4), into a buffer of `size` bytes. Type 2
    /// takes what it reads. Nothing: type 2 has nothing to read.
    std::optional<std::string> read(std::size_t size);
    std::string read_all(std::size_t size) const;
    void clear();
    /// SYSLOG_ACTION_SIZE_UNREAD.
    std::size_t unread_bytes() const;

    /// `logged` is called once, after the next line has been appended.
    void when_logged(std::function<void()> logged);
    /// `logged` is called after each line, for ever. Before the first one.
    void watch(std::function<void()> logged) { watcher_ = std::move(logged); }

private:
    struct Line {
        unsigned priority = 0;
        std::uint64_t micros = 0;
        std::string text;
    };
    /// As syslog(2) has it, each of its lines with the prefix.
    static std::string with_prefix(const Line& line);
    static std::size_t bytes_of(const Line& line);
    void push(Line line) MEMCGFS_REQUIRES(mutex_);

    const Clock& clock_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::deque<Line> lines_ MEMCGFS_GUARDED_BY(mutex_);
    std::optional<Line> open_ MEMCGFS_GUARDED_BY(mutex_);
    std::size_t bytes_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    std::uint64_t first_ MEMCGFS_GUARDED_BY(mutex_) = 0;  ///< number of lines_.front()
    std::uint64_t cleared_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    std::uint64_t unread_ MEMCGFS_GUARDED_BY(mutex_) = 0;  ///< syslog(2)'s next
    std::size_t unread_offset_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    std::vector<std::function<void()>> waiting_ MEMCGFS_GUARDED_BY(mutex_);
    std::function<void()> watcher_;
};

}  // namespace memcgfs::interface
