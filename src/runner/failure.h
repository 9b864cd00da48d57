// SPDX-License-Identifier: MIT
//
// The sentences of this folder's failures.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"

namespace memcgfs::runner {

inline Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

/// "WHAT: No such file or directory" from `error` (an errno value), and what to do, if anything.
inline Failed<std::string> failure(std::string_view what, int error, std::string_view advice = {}) {
    std::string sentence{what};
    sentence.append(": ").append(std::strerror(error));
    if (!advice.empty()) {
        sentence.append("; ").append(advice);
    }
    return {std::move(sentence)};
}

}  // namespace memcgfs::runner
