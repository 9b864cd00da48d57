// SPDX-License-Identifier: MIT
#include "cli/log.h"

#include <spdlog/sinks/stdout_sinks.h>

namespace memcgfs::cli {

std::unique_ptr<spdlog::logger> make_logger(int verbosity) {
    auto logger = std::make_unique<spdlog::logger>(
        "memcgfs", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("memcgfs: %l: %v");
    logger->set_level(verbosity >= 2   ? spdlog::level::debug
                      : verbosity == 1 ? spdlog::level::info
                                       : spdlog::level::warn);
    return logger;
}

}  // namespace memcgfs::cli
