// SPDX-License-Identifier: MIT
#include "world/proc_reader.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace memcgfs::world {

namespace {

constexpr std::uint64_t kPfKthread = 0x00200000;  // include/linux/sched.h, since 2.6.32

template <class Number>
Number to_number(std::string_view text) {
    Number number{};
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// Cuts the next word off `text`; words are separated by blanks and tabs.
std::string_view next_word(std::string_view& text) {
    const std::size_t start = std::min(text.find_first_not_of(" \t"), text.size());
    const std::size_t end = std::min(text.find_first_of(" \t\n", start), text.size());
    const std::string_view word = text.substr(start, end - start);
    text.remove_prefix(end);
    return word;
}

/// What follows `key` at a line's start, up to the line's end.
std::string_view line_after(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (text.substr(0, key.size()) == key) {
            return text.substr(key.size(), end - key.size());
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

Failed<Errno> gone_or(int error) {
    return Err(error == ENOENT ? Errno::kESRCH : static_cast<Errno>(error));
}

}  // namespace

Result<ProcStat> parse_stat(std::string_view text) {
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return Err(Errno::kESRCH);
    }
    ProcStat stat;
    stat.comm = text.substr(open + 1, close - open - 1);
    text.remove_prefix(close + 1);
    // Field numbers as in proc(5); the comm was number 2.
    std::string_view state;
    std::uint64_t threads = 0;
    for (int field = 3; field <= 22; field++) {
        const std::string_view word = next_word(text);
        if (field == 3) {
            state = word;
        } else if (field == 4) {
            stat.parent = to_number<std::int32_t>(word);
        } else if (field == 9) {
            stat.kernel_thread = (to_number<std::uint64_t>(word) & kPfKthread) != 0;
        } else if (field == 20) {
            threads = to_number<std::uint64_t>(word);
        } else if (field == 22) {
            stat.start_time = to_number<std::uint64_t>(word);
        }
    }
    stat.threads = static_cast<std::uint32_t>(threads);
    // A leader that has exited before its other threads also says Z.
    stat.first_thread_ended = state == "Z" || state == "X";
    stat.zombie = (state == "Z" && threads <= 1) || state == "X";
    stat.stopped = state == "T";
    return stat;
}

ProcStatus parse_status(std::string_view text) {
    ProcStatus status;
    std::string_view line = line_after(text, "Tgid:");
    status.process = to_number<std::int32_t>(next_word(line));
    line = line_after(text, "Uid:");
    status.uid = to_number<std::uint32_t>(next_word(line));
    next_word(line);
    status.saved_uid = to_number<std::uint32_t>(next_word(line));
    line = line_after(text, "NSpid:");
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        status.namespace_pids.push_back(to_number<std::int32_t>(word));
    }
    return status;
}

Result<std::unique_ptr<ProcReader>> ProcReader::create() {
    const int directory = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return Err(static_cast<Errno>(errno));
    }
    return std::unique_ptr<ProcReader>(new ProcReader(directory));
}

ProcReader::~ProcReader() { close(directory_); }

std::vector<std::int32_t> ProcReader::processes() const { return numbers_in("."); }

std::vector<std::int32_t> ProcReader::threads(std::int32_t pid) const {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "%d/task", pid);
    return numbers_in(path.data());
}

std::vector<std::int32_t> ProcReader::numbers_in(const char* path) const {
    std::vector<std::int32_t> pids;
    // A descriptor of its own: a directory has one position. getdents64 itself, because readdir
    // would allocate a stream each time.
    const int directory = openat(directory_, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return pids;
    }
    alignas(8) std::array<char, 32768> buffer;
    for (;;) {
        const long size = syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
        if (size <= 0) {
            break;
        }
        for (long at = 0; at < size;) {
            // struct linux_dirent64: d_ino (8), d_off (8), d_reclen (2), d_type (1), d_name.
            std::uint16_t record = 0;
            std::memcpy(&record, buffer.data() + at + 16, sizeof record);
            const char* name = buffer.data() + at + 19;
            if (*name >= '1' && *name <= '9') {
                pids.push_back(to_number<std::int32_t>(name));
            }
            at += record;
        }
    }
    close(directory);
    return pids;
}

Result<std::string_view> ProcReader::read(std::int32_t tid, const char* file, char* buffer,
                                          std::size_t size) const {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), "%d/%s", tid, file);
    const int descriptor = openat(directory_, path.data(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return gone_or(errno);
    }
    const ssize_t length = ::read(descriptor, buffer, size);
    const int error = errno;
    close(descriptor);
    if (length < 0) {
        return gone_or(error);
    }
    return std::string_view(buffer, static_cast<std::size_t>(length));
}

Result<ProcStat> ProcReader::stat(std::int32_t pid) const {
    std::array<char, 1024> buffer;
    return parse_stat(MEMCGFS_TRY(read(pid, "stat", buffer.data(), buffer.size())));
}

Result<ProcStatus> ProcReader::status(std::int32_t tid) const {
    std::array<char, 4096> buffer;
    const std::string_view text = MEMCGFS_TRY(read(tid, "status", buffer.data(), buffer.size()));
    ProcStatus status = parse_status(text);
    if (status.process == 0) {
        return Err(Errno::kESRCH);
    }
    return status;
}

Result<std::int32_t> ProcReader::oom_score_adj(std::int32_t pid) const {
    std::array<char, 32> buffer;
    std::string_view text = MEMCGFS_TRY(read(pid, "oom_score_adj", buffer.data(), buffer.size()));
    return to_number<std::int32_t>(next_word(text));
}

Result<std::uint64_t> ProcReader::locks_limit(std::int32_t pid) const {
    std::array<char, 4096> buffer;
    const std::string_view text = MEMCGFS_TRY(read(pid, "limits", buffer.data(), buffer.size()));
    std::string_view line = line_after(text, "Max file locks");
    const std::string_view soft = next_word(line);
    return soft == "unlimited" ? std::uint64_t{RLIM_INFINITY} : to_number<std::uint64_t>(soft);
}

Result<int> ProcReader::open_pid_namespace(std::int32_t tid, std::size_t levels) const {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), "%d/ns/pid", tid);
    int descriptor = openat(directory_, path.data(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return gone_or(errno);
    }
    for (; levels > 0; levels--) {
        const int parent = ioctl(descriptor, NS_GET_PARENT);
        const int error = errno;
        close(descriptor);
        if (parent < 0) {
            return Err(static_cast<Errno>(error));
        }
        descriptor = parent;
    }
    return descriptor;
}

}  // namespace memcgfs::world
