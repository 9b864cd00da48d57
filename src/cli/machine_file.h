// SPDX-License-Identifier: MIT
//
// The simulated machine from a TOML file: docs/machine.md.
#pragma once

#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::cli {

/// Least and greatest values, for files and options alike.
inline constexpr Bytes kMemoryMin{16ULL << 20};
inline constexpr Bytes kMemoryMax{64ULL << 40};
inline constexpr std::uint32_t kCpusMax = 8192;
inline constexpr std::size_t kNodesMax = 64;

/// What the file leaves out stays at engine::Machine's defaults. Errors are one sentence that
/// starts with "FILE:LINE: ".
Result<engine::Machine, std::string> load_machine_file(const std::string& path);

/// The same for a text; `name` stands for the file in errors.
Result<engine::Machine, std::string> parse_machine(std::string_view text, const std::string& name);

/// Memory and swap in whole pages.
Result<Pages, std::string> memory_from(std::string_view text);
Result<Pages, std::string> swap_from(std::string_view text);

}  // namespace memcgfs::cli
