// SPDX-License-Identifier: MIT
#include "meter/victims.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "memcgfs/base/unique_fd.h"

namespace memcgfs::meter {

namespace {

// Entries of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst, 6.1).
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63U;
constexpr std::uint64_t kHostSwapped = std::uint64_t{1} << 62U;
constexpr std::uint64_t kOfFile = std::uint64_t{1} << 61U;
constexpr std::uint64_t kProtected = std::uint64_t{1} << 57U;
constexpr std::uint64_t kExclusive = std::uint64_t{1} << 56U;

/// Entries that are looked at for one choice: where there is much and little of it is in memory,
/// the rest waits for the next.
constexpr std::uint64_t kMostLooks = 65536;
constexpr std::size_t kLooksAtOnce = 512;

UniqueFd open_pagemap(pid_t pid) {
    return UniqueFd(open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC));
}

std::size_t read_entries(int pagemap, std::uint64_t address,
                         std::array<std::uint64_t, kLooksAtOnce>& entries, std::size_t count) {
    const ssize_t size = pread(pagemap, entries.data(), count * sizeof entries[0],
                               static_cast<off_t>(address / kPageSize * sizeof entries[0]));
    return size > 0 ? static_cast<std::size_t>(size) / sizeof entries[0] : 0;
}

std::uint64_t entry_of(pid_t pid, std::uint64_t address) {
    const UniqueFd pagemap = open_pagemap(pid);
    std::array<std::uint64_t, kLooksAtOnce> entries{};
    return read_entries(pagemap.get(), address, entries, 1) == 1 ? entries[0] : 0;
}

/// Goes over a mapping, and collects.
class Choice {
public:
    Choice(int pagemap, Pages most, const std::vector<std::uint64_t>& kept)
        : pagemap_(pagemap), most_(most.count()), kept_(kept) {}

    /// Where it has stopped: the end, or else there is enough.
    std::uint64_t go_over(std::uint64_t start, std::uint64_t end) {
        std::array<std::uint64_t, kLooksAtOnce> entries{};
        VictimRange range;
        std::uint64_t at = start;
        while (at < end && !has_enough(range)) {
            const std::size_t wanted =
                std::min<std::uint64_t>(kLooksAtOnce, (end - at) / kPageSize);
            const std::size_t count = read_entries(pagemap_, at, entries, wanted);
            if (count == 0) {
                break;
            }
            looks_ += count;
            for (std::size_t i = 0; i < count && !has_enough(range); ++i, at += kPageSize) {
                look_at(at, entries[i], range);
            }
        }
        finish(range);
        return at;
    }
    bool has_enough() const { return found_ >= most_ || looks_ >= kMostLooks; }
    std::vector<VictimRange> take() { return std::move(ranges_); }

private:
    bool has_enough(const VictimRange& range) const {
        return found_ + range.pages.size() >= most_ || looks_ >= kMostLooks;
    }
    void look_at(std::uint64_t address, std::uint64_t entry, VictimRange& range) {
        const bool is_kept = std::binary_search(kept_.begin(), kept_.end(), address);
        const bool is_there = (entry & (kPresent | kHostSwapped)) != 0;
        const bool is_victim = (entry & kPresent) != 0 && (entry & kExclusive) != 0 &&
                               (entry & kOfFile) == 0 && !is_kept;
        if (is_victim) {
            range.start = range.pages.empty() ? address : range.start;
            range.end = address + kPageSize;
            range.pages.push_back(address);
        } else if (is_there || is_kept) {
            finish(range);
        }
    }
    void finish(VictimRange& range) {
        if (!range.pages.empty()) {
            found_ += range.pages.size();
            ranges_.push_back(std::exchange(range, {}));
        }
    }

    const int pagemap_;
    const std::uint64_t most_;
    const std::vector<std::uint64_t>& kept_;
    std::uint64_t found_ = 0;
    std::uint64_t looks_ = 0;
    std::vector<VictimRange> ranges_;
};

}  // namespace

std::vector<VictimRange> VictimHand::choose(pid_t pid, Pages most,
                                            const std::vector<std::uint64_t>& kept) {
    const UniqueFd pagemap = open_pagemap(pid);
    const std::vector<PrivateMemory> memory = private_memory_of(pid);
    Choice choice(pagemap.get(), most, kept);
    const std::uint64_t begin = next_;
    for (const PrivateMemory& part : memory) {
        if (part.end > begin && !choice.has_enough()) {
            next_ = choice.go_over(std::max(part.start, begin), part.end);
        }
    }
    if (!choice.has_enough()) {
        next_ = 0;  // round again
    }
    for (const PrivateMemory& part : memory) {
        if (part.start < begin && !choice.has_enough()) {
            next_ = choice.go_over(part.start, std::min(part.end, begin));
        }
    }
    return choice.take();
}

bool is_present(pid_t pid, std::uint64_t address) {
    return (entry_of(pid, address) & kPresent) != 0;
}

bool is_protected(pid_t pid, std::uint64_t address) {
    return (entry_of(pid, address) & kProtected) != 0;
}

std::vector<PrivateMemory> inherited_memory_of(pid_t child) {
    std::vector<PrivateMemory> memory;
    std::ifstream smaps(fmt::format("/proc/{}/smaps", child));
    PrivateMemory range;
    for (std::string line; std::getline(smaps, line);) {
        // Other lines may begin with a hexadecimal digit as well.
        if (PrivateMemory next;
            std::sscanf(line.c_str(), "%lx-%lx ", &next.start, &next.end) == 2) {
            range = next;
        }
        if (line.starts_with("VmFlags:") && line.find(" wf") == std::string::npos) {
            memory.push_back(range);
        }
    }
    return memory;
}

PrivateMemory arguments_of(pid_t pid) {
    constexpr int kArgStart = 48;  // fields of proc(5)
    constexpr int kEnvEnd = 51;
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string stat;
    std::getline(file, stat);
    std::istringstream text(stat.substr(std::min(stat.rfind(')') + 2, stat.size())));
    PrivateMemory range;
    std::string field;
    for (int number = 3; number <= kEnvEnd && text >> field; ++number) {
        if (number == kArgStart) {
            range.start = std::strtoull(field.c_str(), nullptr, 10);
        }
    }
    range.end = std::strtoull(field.c_str(), nullptr, 10);
    return range;
}

}  // namespace memcgfs::meter
