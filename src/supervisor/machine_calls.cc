// SPDX-License-Identifier: MIT
//
// Calls that ask something of the whole machine.
#include "memcgfs/supervisor/machine_calls.h"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstring>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"
#include "supervisor/late_reply.h"
#include "supervisor/path.h"

namespace memcgfs::supervisor {
namespace {

/// SWAP_FLAGS_VALID (include/linux/swap.h, 6.1).
constexpr std::uint64_t kSwapFlags = 0x7FFFF;

// syslog(2)'s types that hand text out.
constexpr int kSyslogRead = 2;
constexpr int kSyslogReadClear = 4;

/// What the call is about, if its path can be read.
std::optional<SwapRequest> swap_request(const Call& call) {
    const std::optional<std::string> path = call.read_path(call.argument(0));
    if (!path) {
        return std::nullopt;
    }
    SwapRequest request;
    request.caller = call.caller();
    request.path =
        normal_path(path->starts_with('/') ? "" : call.path_of_descriptor(AT_FDCWD), *path);
    request.file = path->empty() ? runner::UniqueFd() : call.open_path(*path);
    request.missing = request.file.valid() ? Errno{} : static_cast<Errno>(errno);
    if (path->empty()) {
        request.missing = Errno::kENOENT;
    }
    return request;
}

using SwapFunction = void (MachineCalls::*)(const SwapRequest&, const Reply&);

Answer answer_swap(const Call& call, MachineCalls& machine, SwapFunction function, int flags) {
    if (!machine.may_administer(call.caller())) {
        return Answer::failed(Errno::kEPERM);
    }
    std::optional<SwapRequest> request = swap_request(call);
    if (!request) {
        return Answer::failed(Errno::kEFAULT);
    }
    request->flags = flags;
    return answer_later(call, [&](const Reply& reply) { (machine.*function)(*request, reply); });
}

/// The text into the caller's buffer.
Answer hand_out(const Call& call, const Result<LogText>& text) {
    if (!text.ok()) {
        return Answer::failed(text.error());
    }
    if (!text->text.empty() &&
        !call.write(call.argument(1), std::as_bytes(std::span(text->text)))) {
        return Answer::failed(Errno::kEFAULT);
    }
    return Answer::value(text->result);
}

/// The rest of a field of struct utsname is left as it is.
void set_field(char* field, std::size_t size, const std::string& text) {
    const std::size_t length = std::min(text.size(), size - 1);
    std::memcpy(field, text.data(), length);
    field[length] = '\0';
}

}  // namespace

Answer answer_swapon(const Call& call, CallAnswers& answers) {
    MachineCalls* const machine = answers.machine();
    if (machine == nullptr) {
        return Answer::go_on();
    }
    if ((call.argument(1) & ~kSwapFlags & 0xFFFFFFFF) != 0) {
        return Answer::failed(Errno::kEINVAL);
    }
    return answer_swap(call, *machine, &MachineCalls::swapon, call.int_argument(1));
}

Answer answer_swapoff(const Call& call, CallAnswers& answers) {
    MachineCalls* const machine = answers.machine();
    return machine == nullptr ? Answer::go_on()
                              : answer_swap(call, *machine, &MachineCalls::swapoff, 0);
}

Answer answer_sync(const Call& call, CallAnswers& answers) {
    MachineCalls* const machine = answers.machine();
    if (machine == nullptr) {
        return Answer::go_on();
    }
    const std::shared_ptr<LateCall> late = LateCall::of(call);
    if (late == nullptr) {
        return Answer::go_on();
    }
    machine->sync([late] { late->go_on(); });  // files that are no puppet's have their own disk
    return Answer::given_later();
}

Answer answer_syncfs(const Call& call, CallAnswers& answers) {
    const runner::UniqueFd file = call.open_descriptor(call.int_argument(0));
    return file.valid() ? answer_sync(call, answers) : Answer::go_on();  // EBADF
}

Answer answer_syslog(const Call& call, CallAnswers& answers) {
    MachineCalls* const machine = answers.machine();
    if (machine == nullptr) {
        return Answer::go_on();
    }
    const int type = call.int_argument(0);
    // dmesg_restrict is 1 in Debian's kernels.
    if (!machine->may_administer(call.caller())) {
        return Answer::failed(Errno::kEPERM);
    }
    const int size = call.int_argument(2);
    const bool reads = type >= kSyslogRead && type <= kSyslogReadClear;
    if (reads && (call.argument(1) == 0 || size < 0)) {
        return Answer::failed(Errno::kEINVAL);
    }
    if (reads && size == 0) {
        return Answer::value(0);
    }
    const auto text = machine->syslog(type, static_cast<std::size_t>(std::max(size, 0)));
    if (text) {
        return hand_out(call, *text);
    }
    const std::shared_ptr<LateCall> late = LateCall::of(call);
    if (late == nullptr) {
        return Answer::failed(Errno::kENOMEM);
    }
    const auto done = [late](const LogText& read) {
        const Answer answer = hand_out(late->call(), read);
        late->answer(answer.error ? Result<std::int64_t>(Err(*answer.error))
                                  : Result<std::int64_t>(answer.result));
    };
    machine->read_log(static_cast<std::size_t>(size),
                      {.waits = [late] { return late->call().still_waits(); }, .done = done});
    return Answer::given_later();
}

Answer answer_sysinfo(const Call& call, CallAnswers& answers) {
    MachineCalls* const machine = answers.machine();
    struct sysinfo told{};
    if (machine == nullptr || ::sysinfo(&told) != 0) {
        return Answer::go_on();
    }
    const MachineMemory memory = machine->memory();
    told.totalram = memory.total;
    told.freeram = memory.free;
    told.sharedram = memory.shared;
    told.bufferram = memory.buffers;
    told.totalswap = memory.swap;
    told.freeswap = memory.swap_free;
    told.totalhigh = 0;
    told.freehigh = 0;
    told.mem_unit = 1;
    return call.write(call.argument(0), std::as_bytes(std::span(&told, 1)))
               ? Answer::value(0)
               : Answer::failed(Errno::kEFAULT);
}

Answer answer_uname(const Call& call, CallAnswers& answers) {
    MachineCalls* const machine = answers.machine();
    const std::string release = machine == nullptr ? "" : machine->release();
    struct utsname told{};
    if (release.empty() || ::uname(&told) != 0) {
        return Answer::go_on();
    }
    set_field(told.release, sizeof(told.release), release);
    return call.write(call.argument(0), std::as_bytes(std::span(&told, 1)))
               ? Answer::value(0)
               : Answer::failed(Errno::kEFAULT);
}

}  // namespace memcgfs::supervisor
