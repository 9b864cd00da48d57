// SPDX-License-Identifier: MIT
//
// Assertions for mistakes of ours. They stay on in release builds and are never used on user
// input: that gets an Errno.
#pragma once

namespace memcgfs::detail {

/// Prints the failed condition with its place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace memcgfs::detail

#define MEMCGFS_ASSERT(condition)                                                  \
    (static_cast<bool>(condition)                                                  \
         ? static_cast<void>(0)                                                    \
         : ::memcgfs::detail::assertion_failed(#condition, __FILE__, __LINE__))

/// Ends a switch over an enum: no default label, and no way past it.
#define MEMCGFS_UNREACHABLE() \
    ::memcgfs::detail::assertion_failed("unreachable", __FILE__, __LINE__)
