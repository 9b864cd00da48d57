// SPDX-License-Identifier: MIT
#include "memcgfs/meter/shared_segment.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace memcgfs::meter {

namespace {

constexpr std::uint64_t kBlocksPerPage = kPageSize / 512;

/// Of a line of /proc/PID/maps, or the like of smaps.
struct Mapped {
    std::string range;
    std::string rights;
    std::string device;
    std::uint64_t inode = 0;
    std::string file;
};

Mapped parse(const std::string& line) {
    Mapped mapped;
    std::string offset;
    std::istringstream words(line);
    words >> mapped.range >> mapped.rights >> offset >> mapped.device >> mapped.inode;
    std::getline(words >> std::ws, mapped.file);
    return mapped;
}

bool is_segment(const Mapped& mapped) {
    constexpr std::array<std::string_view, 3> kNames = {"/dev/zero (deleted)", "/SYSV", "/memfd:"};
    return mapped.rights.ends_with('s') &&
           std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view name) { return mapped.file.starts_with(name); });
}

SharedSegment segment_of(const Mapped& mapped) {
    unsigned major = 0;
    unsigned minor = 0;
    std::sscanf(mapped.device.c_str(), "%x:%x", &major, &minor);
    SharedSegment segment;
    segment.key = {makedev(major, minor), mapped.inode};
    segment.is_sysv = mapped.file.starts_with("/SYSV");
    return segment;
}

/// Adds to the segment that it is a mapping of, or to the list.
void add(std::vector<SharedSegment>& segments, const SharedSegment& mapping) {
    const auto known =
        std::find_if(segments.begin(), segments.end(),
                     [&](const SharedSegment& other) { return other.key == mapping.key; });
    if (known == segments.end()) {
        segments.push_back(mapping);
    } else if (mapping.is_part) {
        known->pages += mapping.pages;
    }
}

/// By what is resident.
std::vector<SharedSegment> parts_of(std::int32_t pid) {
    std::vector<SharedSegment> segments;
    std::optional<SharedSegment> mapping;
    std::ifstream smaps(fmt::format("/proc/{}/smaps", pid));
    for (std::string line; std::getline(smaps, line);) {
        unsigned long kilobytes = 0;
        if (line.find('-') < line.find(' ')) {
            const Mapped mapped = parse(line);
            mapping = is_segment(mapped) ? std::optional(segment_of(mapped)) : std::nullopt;
        } else if (mapping && std::sscanf(line.c_str(), "Rss: %lu", &kilobytes) == 1) {
            mapping->pages = Pages{kilobytes * 1024 / kPageSize};
            mapping->is_part = true;
            add(segments, *std::exchange(mapping, std::nullopt));
        }
    }
    return segments;
}

}  // namespace

std::vector<SharedSegment> shared_segments_of(std::int32_t pid) {
    std::vector<SharedSegment> segments;
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    for (std::string line; std::getline(maps, line);) {
        const Mapped mapped = parse(line);
        struct stat status{};
        if (!is_segment(mapped)) {
            continue;
        }
        if (stat(fmt::format("/proc/{}/map_files/{}", pid, mapped.range).c_str(), &status) != 0) {
            return parts_of(pid);
        }
        SharedSegment segment = segment_of(mapped);
        segment.pages = Pages{static_cast<std::uint64_t>(status.st_blocks) / kBlocksPerPage};
        add(segments, segment);
    }
    return segments;
}

std::vector<std::uint64_t> sysv_segments() {
    std::vector<std::uint64_t> numbers;
    std::ifstream table("/proc/sysvipc/shm");
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        std::int64_t key = 0;
        std::uint64_t number = 0;
        if (std::istringstream(line) >> key >> number) {
            numbers.push_back(number);
        }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

}  // namespace memcgfs::meter
