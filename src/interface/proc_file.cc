// SPDX-License-Identifier: MIT
#include "memcgfs/interface/proc_file.h"

#include <charconv>

#include "interface/proc_tables.h"

namespace memcgfs::interface {

bool exists_in(const ProcFile& row, const engine::Profile& profile) {
    return row.since <= profile.version && profile.version < row.until &&
           (row.present == nullptr || row.present(profile));
}

std::vector<const ProcFile*> all_proc_files() {
    std::vector<const ProcFile*> all;
    for (const auto table :
         {machine_proc_files(), system_proc_files(), process_proc_files(), pressure_proc_files(),
          vm_proc_files(), kmsg_proc_files(), memory_block_files()}) {
        for (const ProcFile& row : table) {
            all.push_back(&row);
        }
    }
    return all;
}

std::optional<std::uint32_t> match_path(std::string_view pattern, std::string_view path) {
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) {
        return pattern == path ? std::optional<std::uint32_t>(0) : std::nullopt;
    }
    const std::string_view behind = pattern.substr(pattern.find('}') + 1);
    if (path.size() <= open + behind.size() || !path.starts_with(pattern.substr(0, open)) ||
        !path.ends_with(behind)) {
        return std::nullopt;
    }
    const std::string_view digits = path.substr(open, path.size() - open - behind.size());
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() ||
        (digits.size() > 1 && digits.front() == '0')) {
        return std::nullopt;
    }
    return number;
}

}  // namespace memcgfs::interface
