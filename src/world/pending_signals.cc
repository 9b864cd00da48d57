// SPDX-License-Identifier: MIT
#include "memcgfs/world/pending_signals.h"

#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

namespace memcgfs::world {

bool has_fatal_signal(std::int32_t thread) {
    // The kernel makes a SIGKILL for every thread out of any signal that ends the process.
    constexpr std::uint64_t kKill = std::uint64_t{1} << (SIGKILL - 1U);
    std::ifstream status("/proc/" + std::to_string(thread) + "/status");
    if (!status) {
        return true;
    }
    for (std::string line; std::getline(status, line);) {
        for (const std::string_view key : {"SigPnd:\t", "ShdPnd:\t"}) {
            if (line.starts_with(key) &&
                (std::stoull(line.substr(key.size()), nullptr, 16) & kKill) != 0) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace memcgfs::world
