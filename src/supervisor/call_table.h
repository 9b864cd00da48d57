// SPDX-License-Identifier: MIT
//
// The system calls that are answered here: one row each. The filter is made from it, and the
// supervisor finds its function by it; nothing else knows their numbers.
#pragma once

#include <span>

#include "supervisor/call.h"

namespace memcgfs::supervisor {

class CallAnswers;

struct CallRow {
    const char* name;  ///< as libseccomp knows it
    int number;        ///< of this architecture
    Answer (*answer)(const Call& call, CallAnswers& answers);
};

std::span<const CallRow> call_table();

// statfs_calls.cc
Answer answer_statfs(const Call& call, CallAnswers& answers);
Answer answer_fstatfs(const Call& call, CallAnswers& answers);
// fork_calls.cc
Answer answer_fork(const Call& call, CallAnswers& answers);
Answer answer_clone(const Call& call, CallAnswers& answers);
Answer answer_clone3(const Call& call, CallAnswers& answers);

}  // namespace memcgfs::supervisor
