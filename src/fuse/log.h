// SPDX-License-Identifier: MIT
//
// libfuse's messages, which it would print to stderr, go to a logger.
//
// libfuse has one log function for the process and hands it no context, hence the one pointer in
// log.cc. Threads: any.
#pragma once

#include <spdlog/logger.h>

namespace memcgfs::fuse {

/// From now on messages go to `logger`.
void log_libfuse_to(spdlog::logger& logger);

/// No more messages to `logger`; they are dropped unless another logger has been set since.
void stop_logging_libfuse_to(spdlog::logger& logger);

}  // namespace memcgfs::fuse
