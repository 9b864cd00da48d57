// SPDX-License-Identifier: MIT
//
// System calls that a followed thread makes on our behalf, while it is in a stop, without knowing.
//
// The instruction is the vdso's, so nothing of the program is changed. Signals wait meanwhile,
// except SIGKILL; SIGSTOP is sent again afterwards. x86-64 alone, and only 64-bit programs;
// elsewhere there are none.
//
// Threads: the one that has seized the thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "memcgfs/base/result.h"

namespace memcgfs::meter {

class RemoteCalls {
public:
    /// The thread is in a stop, and is after the last call in one at a system call's end. Nothing:
    /// it cannot be made to.
    static std::optional<RemoteCalls> begin(pid_t pid, pid_t tid);
    RemoteCalls(RemoteCalls&& other) noexcept;
    RemoteCalls& operator=(RemoteCalls&&) = delete;
    /// The thread is as it was; whoever lets it go from a stop in which the kernel might have made
    /// a call again has to interrupt it first, so that the kernel does.
    ~RemoteCalls();

    /// What the call returns. ESRCH: the thread was killed.
    Result<std::int64_t> make(long number, const std::array<std::uint64_t, 3>& arguments);
    /// The same with a text for the argument of that number.
    Result<std::int64_t> make_with(std::string_view text, std::size_t argument, long number,
                                   std::array<std::uint64_t, 3> arguments);
    /// waitpid(2)'s status of a thread that was killed meanwhile: it has gone, or is in its exit
    /// stop.
    std::optional<int> killed() const;

private:
    struct State;
    explicit RemoteCalls(std::unique_ptr<State> state);
    bool go_to_call_stop();
    std::unique_ptr<State> state_;
};

/// In a stop after a system call: its number, its first three arguments, and what it returned.
/// Nothing on other architectures, or after none.
struct EndedCall {
    long number = 0;
    std::array<std::uint64_t, 3> arguments{};
    std::int64_t result = 0;
};
std::optional<EndedCall> ended_call(pid_t tid);

}  // namespace memcgfs::meter
