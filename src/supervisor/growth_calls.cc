// SPDX-License-Identifier: MIT
//
// Calls that may bring much memory at one go: mmap(2) with MAP_POPULATE, mlock(2) and its like,
// long reads. They are the kernel's affair, but somebody may want to be there when they have ended.
#include <cstdint>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {
namespace {

Answer answer_for(const Call& call, std::uint64_t bytes, CallAnswers& answers) {
    return answers.before_growth(call.caller(), bytes) ? Answer::failed(kMakeAgain)
                                                       : Answer::go_on();
}

}  // namespace

Answer answer_mmap(const Call& call, CallAnswers& answers) {
    return answer_for(call, call.argument(1), answers);
}

Answer answer_mlock(const Call& call, CallAnswers& answers) {
    return answer_for(call, call.argument(1), answers);
}

Answer answer_mlockall(const Call& call, CallAnswers& answers) {
    return answer_for(call, UINT64_MAX, answers);
}

Answer answer_madvise(const Call& call, CallAnswers& answers) {
    return answer_for(call, call.argument(1), answers);
}

Answer answer_read(const Call& call, CallAnswers& answers) {
    return answer_for(call, call.argument(2), answers);
}

}  // namespace memcgfs::supervisor
