// SPDX-License-Identifier: MIT
//
// The one logger: stderr, handed to whoever logs. There is no default logger.
#pragma once

#include <spdlog/logger.h>

#include <memory>

namespace memcgfs::cli {

/// `verbosity` 0: warnings; 1: lifecycle; 2 and more: every request.
std::unique_ptr<spdlog::logger> make_logger(int verbosity);

}  // namespace memcgfs::cli
