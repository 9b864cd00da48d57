// SPDX-License-Identifier: MIT
//
// ptrace(2): a process has one tracer, and another program comes before this one.
#include <sys/ptrace.h>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {

Answer answer_ptrace(const Call& call, CallAnswers& answers) {
    const bool own = call.argument(0) == PTRACE_TRACEME;
    const bool again = answers.before_trace(call.caller(), own ? 0 : call.int_argument(1));
    return again ? Answer::failed(kMakeAgain) : Answer::go_on();
}

}  // namespace memcgfs::supervisor
