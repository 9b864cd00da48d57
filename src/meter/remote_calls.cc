// SPDX-License-Identifier: MIT
#include "meter/remote_calls.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/unique_fd.h"
#include "meter/tracee.h"

namespace memcgfs::meter {

#if defined(__x86_64__)

namespace {

constexpr std::uint64_t kLongMode = 0x33;  // cs of a 64-bit program
constexpr std::int64_t kMostErrno = 4095;
constexpr std::int64_t kNoCall = -1;
constexpr std::uint64_t kRedZone = 128;  // below the stack pointer, of the System V ABI

/// Where in the vdso, which is the same in all 64-bit programs, there is a `syscall`.
std::optional<std::uint64_t> syscall_offset() {
    const auto* const vdso = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
    if (vdso == nullptr) {
        return std::nullopt;
    }
    Elf64_Ehdr header{};
    std::copy_n(vdso, sizeof header, reinterpret_cast<char*>(&header));
    const std::string_view image(vdso, header.e_shoff);
    const std::size_t at = image.find("\x0f\x05");
    return at == std::string_view::npos ? std::nullopt : std::optional<std::uint64_t>(at);
}

/// Where the process has its vdso.
std::optional<std::uint64_t> vdso_of(pid_t pid) {
    const UniqueFd file(open(fmt::format("/proc/{}/auxv", pid).c_str(), O_RDONLY | O_CLOEXEC));
    Elf64_auxv_t entry{};
    while (read(file.get(), &entry, sizeof entry) == static_cast<ssize_t>(sizeof entry)) {
        if (entry.a_type == AT_SYSINFO_EHDR) {
            return entry.a_un.a_val;
        }
    }
    return std::nullopt;
}

}  // namespace

struct RemoteCalls::State {
    pid_t pid = 0;
    pid_t tid = 0;
    std::uint64_t instruction = 0;
    user_regs_struct before{};
    std::uint64_t mask = 0;
    bool was_stopped = false;
    std::optional<int> killed{};
};

RemoteCalls::RemoteCalls(std::unique_ptr<State> state) : state_(std::move(state)) {}

RemoteCalls::RemoteCalls(RemoteCalls&& other) noexcept = default;

std::optional<RemoteCalls> RemoteCalls::begin(pid_t pid, pid_t tid) {
    auto state = std::make_unique<State>();
    const auto offset = syscall_offset();
    const auto vdso = vdso_of(pid);
    if (!offset || !vdso || ptrace(PTRACE_GETREGS, tid, nullptr, &state->before) != 0 ||
        state->before.cs != kLongMode ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof state->mask, &state->mask) != 0) {
        return std::nullopt;
    }
    std::uint64_t all = ~std::uint64_t{0};
    ptrace(PTRACE_SETSIGMASK, tid, sizeof all, &all);
    state->pid = pid;
    state->tid = tid;
    state->instruction = *vdso + *offset;
    return RemoteCalls(std::move(state));
}

RemoteCalls::~RemoteCalls() {
    if (state_ == nullptr || state_->killed) {
        return;
    }
    ptrace(PTRACE_SETREGS, state_->tid, nullptr, &state_->before);
    ptrace(PTRACE_SETSIGMASK, state_->tid, sizeof state_->mask, &state_->mask);
    if (state_->was_stopped) {
        syscall(SYS_tgkill, state_->pid, state_->tid, SIGSTOP);
    }
}

/// To the beginning of the call, or from there to its end.
bool RemoteCalls::go_to_call_stop() {
    for (;;) {
        let_go_to_call(state_->tid);
        int status = 0;
        if (waitpid(state_->tid, &status, __WALL) != state_->tid) {
            return false;
        }
        const StopKind kind = kind_of_stop(status);
        if (kind == StopKind::kGone || kind == StopKind::kExit) {
            state_->killed = status;
            return false;
        }
        if (kind == StopKind::kCall) {
            return true;
        }
        state_->was_stopped |= kind == StopKind::kGroupStop ||
                               (kind == StopKind::kSignal && WSTOPSIG(status) == SIGSTOP);
    }
}

Result<std::int64_t> RemoteCalls::make(long number, const std::array<std::uint64_t, 3>& arguments) {
    user_regs_struct registers = state_->before;
    registers.rip = state_->instruction;
    registers.rax = static_cast<std::uint64_t>(number);
    registers.orig_rax = static_cast<std::uint64_t>(kNoCall);
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    if (state_->killed || ptrace(PTRACE_SETREGS, state_->tid, nullptr, &registers) != 0 ||
        !go_to_call_stop() || !go_to_call_stop() ||
        ptrace(PTRACE_GETREGS, state_->tid, nullptr, &registers) != 0) {
        return Err(Errno::kESRCH);
    }
    const auto result = static_cast<std::int64_t>(registers.rax);
    if (result < 0 && result >= -kMostErrno) {
        return Err(static_cast<Errno>(-result));
    }
    return result;
}

/// It is put where the thread's stack has not been yet.
Result<std::int64_t> RemoteCalls::make_with(std::string_view text, std::size_t argument,
                                            long number, std::array<std::uint64_t, 3> arguments) {
    std::vector<long> words(text.size() / sizeof(long) + 1);  // with a zero at the end
    std::memcpy(words.data(), text.data(), text.size());
    const std::uint64_t start =
        (state_->before.rsp - kRedZone) / sizeof(long) * sizeof(long) - words.size() * sizeof(long);
    std::vector<long> before;
    for (std::size_t at = 0; at < words.size(); ++at) {
        auto* const place = reinterpret_cast<void*>(start + at * sizeof(long));
        errno = 0;
        const long word = ptrace(PTRACE_PEEKDATA, state_->tid, place, nullptr);
        if (errno != 0 || ptrace(PTRACE_POKEDATA, state_->tid, place, words[at]) != 0) {
            break;
        }
        before.push_back(word);
    }
    arguments.at(argument) = start;
    auto result = before.size() == words.size() ? make(number, arguments) : Err(Errno::kEFAULT);
    for (std::size_t at = 0; at < before.size() && !state_->killed; ++at) {
        ptrace(PTRACE_POKEDATA, state_->tid, reinterpret_cast<void*>(start + at * sizeof(long)),
               before[at]);
    }
    return result;
}

std::optional<int> RemoteCalls::killed() const { return state_->killed; }

std::optional<EndedCall> ended_call(pid_t tid) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, tid, nullptr, &registers) != 0 || registers.cs != kLongMode ||
        static_cast<std::int64_t>(registers.orig_rax) < 0) {
        return std::nullopt;
    }
    return EndedCall{static_cast<long>(registers.orig_rax),
                     {registers.rdi, registers.rsi, registers.rdx},
                     static_cast<std::int64_t>(registers.rax)};
}

#else

struct RemoteCalls::State {};
RemoteCalls::RemoteCalls(std::unique_ptr<State> state) : state_(std::move(state)) {}
RemoteCalls::RemoteCalls(RemoteCalls&& other) noexcept = default;
RemoteCalls::~RemoteCalls() = default;
std::optional<RemoteCalls> RemoteCalls::begin(pid_t, pid_t) { return std::nullopt; }
bool RemoteCalls::go_to_call_stop() { return false; }
Result<std::int64_t> RemoteCalls::make(long, const std::array<std::uint64_t, 3>&) {
    return Err(Errno::kENOSYS);
}
Result<std::int64_t> RemoteCalls::make_with(std::string_view, std::size_t, long,
                                            std::array<std::uint64_t, 3>) {
    return Err(Errno::kENOSYS);
}
std::optional<int> RemoteCalls::killed() const { return std::nullopt; }
std::optional<EndedCall> ended_call(pid_t) { return std::nullopt; }

#endif

}  // namespace memcgfs::meter
