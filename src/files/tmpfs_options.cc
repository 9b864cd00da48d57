// SPDX-License-Identifier: MIT
#include "memcgfs/files/tmpfs_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "memcgfs/base/parse_number.h"

namespace memcgfs::files {
namespace {

/// Taken without effect: the flags of any file system (vfs_parse_sb_flag) and what says how pages
/// are laid out.
constexpr std::array<std::string_view, 11> kIgnored = {"rw",      "ro",         "async",  "sync",
                                                       "dirsync", "lazytime",   "mand",   "nomand",
                                                       "inode32", "nolazytime", "inode64"};
constexpr std::array<std::string_view, 4> kHuge = {"never", "always", "within_size", "advise"};

template <class List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

/// memparse() of all of the text.
Result<std::uint64_t> parse_whole(std::string_view text) {
    const NumberPrefix number = memparse(text);
    return number.length == text.size() ? Result<std::uint64_t>(number.value) : Err(Errno::kEINVAL);
}

/// kstrtouint().
Result<std::uint32_t> parse_id(std::string_view text, int base) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty()
               ? Result<std::uint32_t>(value)
               : Err(Errno::kEINVAL);
}

}  // namespace

Result<void> TmpfsOptions::add_size(std::string_view value) {
    const NumberPrefix number = memparse(value);
    std::string_view rest = value.substr(number.length);
    std::uint64_t bytes = number.value;
    if (rest.starts_with('%')) {
        bytes = bytes * kPageSize * memory_.count() / 100;
        rest.remove_prefix(1);
    }
    if (!rest.empty()) {
        return Err(Errno::kEINVAL);
    }
    blocks_ = Pages{bytes / kPageSize + (bytes % kPageSize != 0 ? 1 : 0)};
    return {};
}

Result<void> TmpfsOptions::add(std::string_view key, std::optional<std::string_view> value) {
    if (!value) {
        return contains(kIgnored, key) ? Result<void>{} : Err(Errno::kEINVAL);
    }
    if (value->empty()) {
        return Err(Errno::kEINVAL);
    }
    if (key == "size") {
        return add_size(*value);
    }
    if (key == "nr_blocks") {
        const std::uint64_t blocks = MEMCGFS_TRY(parse_whole(*value));
        if (blocks > INT64_MAX) {
            return Err(Errno::kEINVAL);
        }
        blocks_ = Pages{blocks};
    } else if (key == "nr_inodes") {
        inodes_ = MEMCGFS_TRY(parse_whole(*value));
    } else if (key == "mode") {
        mode_ = MEMCGFS_TRY(parse_id(*value, 8)) & 07777U;
    } else if (key == "uid") {
        uid_ = MEMCGFS_TRY(parse_id(*value, 10));
    } else if (key == "gid") {
        gid_ = MEMCGFS_TRY(parse_id(*value, 10));
    } else if (key == "huge" ? !contains(kHuge, *value) : key != "mpol") {
        return Err(Errno::kEINVAL);
    }
    return {};
}

Result<void> TmpfsOptions::add_list(std::string_view list) {
    while (!list.empty()) {
        std::size_t end = list.find(',');
        while (end != std::string_view::npos && end + 1 < list.size() && list[end + 1] >= '0' &&
               list[end + 1] <= '9') {
            end = list.find(',', end + 1);
        }
        const std::string_view option = list.substr(0, end);
        list.remove_prefix(std::min(list.size(), option.size() + 1));
        if (option.empty()) {
            continue;
        }
        const std::size_t equals = option.find('=');
        MEMCGFS_TRY(equals == std::string_view::npos
                        ? add(option, std::nullopt)
                        : add(option.substr(0, equals), option.substr(equals + 1)));
    }
    return {};
}

TmpfsLimits TmpfsOptions::limits() const {
    const TmpfsLimits defaults = default_limits(memory_);
    return {blocks_.value_or(defaults.blocks), inodes_.value_or(defaults.inodes)};
}

std::string shown_tmpfs_options(const TmpfsShown& shown) {
    std::string text = "rw";
    if (shown.limits.blocks != shown.defaults.blocks) {
        text += fmt::format(",size={}k", shown.limits.blocks.count() * (kPageSize / 1024));
    }
    if (shown.limits.inodes != shown.defaults.inodes) {
        text += fmt::format(",nr_inodes={}", shown.limits.inodes);
    }
    if (shown.mode != 01777) {
        text += fmt::format(",mode={:03o}", shown.mode);
    }
    if (shown.uid != 0) {
        text += fmt::format(",uid={}", shown.uid);
    }
    if (shown.gid != 0) {
        text += fmt::format(",gid={}", shown.gid);
    }
    return text + ",inode64";
}

}  // namespace memcgfs::files
