// SPDX-License-Identifier: MIT
//
// Calls that may bring much memory at one go: mmap(2) with MAP_POPULATE, mlock(2) and its like,
// long reads. They are the kernel's affair, but somebody may want to be there when they have ended.
#include <sys/mman.h>

#include <cstdint>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"
#include "supervisor/late_reply.h"

namespace memcgfs::supervisor {
namespace {

Answer answer_for(const Call& call, std::uint64_t bytes, CallAnswers& answers) {
    return answers.before_growth(call.caller(), bytes) ? Answer::failed(kMakeAgain)
                                                       : Answer::go_on();
}

}  // namespace

Answer answer_mmap(const Call& call, CallAnswers& answers) {
    const bool grows = (call.argument(3) & (MAP_POPULATE | MAP_LOCKED)) != 0;
    if (grows && answers.before_growth(call.caller(), call.argument(1))) {
        return Answer::failed(kMakeAgain);
    }
    return answer_mapping(call, answers);
}

Answer answer_mapping(const Call& call, CallAnswers& answers) {
    const auto late = LateCall::of(call);
    const bool waits =
        late != nullptr && answers.maps_memory(call.caller(), [late] { late->go_on(); });
    return waits ? Answer::given_later() : Answer::go_on();
}

namespace {

Answer answer_pin_of(const Call& call, pid_t owner, CallAnswers& answers) {
    const auto late = LateCall::of(call);
    const bool waits =
        late != nullptr && answers.pins_memory(call.caller(), owner, [late] { late->go_on(); });
    return waits ? Answer::given_later() : Answer::go_on();
}

}  // namespace

Answer answer_pin(const Call& call, CallAnswers& answers) {
    return answer_pin_of(call, 0, answers);
}

Answer answer_write_to_process(const Call& call, CallAnswers& answers) {
    return answer_pin_of(call, call.int_argument(0), answers);
}

Answer answer_userfaultfd(const Call& call, CallAnswers& answers) {
    answers.serves_faults(call.caller());
    return Answer::go_on();
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
