// SPDX-License-Identifier: MIT
#include "fuse/log.h"

#include <fuse_log.h>

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace memcgfs::fuse {

namespace {

std::atomic<spdlog::logger*> current_logger{nullptr};

spdlog::level::level_enum level_of(enum fuse_log_level level) {
    switch (level) {
        case FUSE_LOG_EMERG:
        case FUSE_LOG_ALERT:
        case FUSE_LOG_CRIT:
        case FUSE_LOG_ERR:
            return spdlog::level::err;
        case FUSE_LOG_WARNING:
            return spdlog::level::warn;
        case FUSE_LOG_NOTICE:
        case FUSE_LOG_INFO:
            return spdlog::level::info;
        case FUSE_LOG_DEBUG:
            return spdlog::level::debug;
    }
    return spdlog::level::err;
}

__attribute__((format(printf, 2, 0))) void log_message(enum fuse_log_level level,
                                                       const char* format, va_list arguments) {
    spdlog::logger* const logger = current_logger.load();
    if (logger == nullptr) {
        return;
    }
    std::array<char, 1024> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    std::string_view message(text.data());
    while (message.ends_with('\n')) {
        message.remove_suffix(1);
    }
    logger->log(level_of(level), "libfuse: {}", message);
}

}  // namespace

void log_libfuse_to(spdlog::logger& logger) {
    current_logger = &logger;
    fuse_set_log_func(log_message);
}

void stop_logging_libfuse_to(spdlog::logger& logger) {
    spdlog::logger* expected = &logger;
    current_logger.compare_exchange_strong(expected, nullptr);
}

}  // namespace memcgfs::fuse
