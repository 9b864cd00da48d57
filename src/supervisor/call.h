// SPDX-License-Identifier: MIT
//
// One system call that waits for its answer, and its caller as far as it can be looked into.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "memcgfs/base/errno.h"
#include "memcgfs/runner/unique_fd.h"
#include "memcgfs/supervisor/fuse_node.h"

namespace memcgfs::supervisor {

/// ERESTARTNOINTR (include/linux/errno.h): the kernel makes the call again on the way back, once
/// the caller has been stopped; nobody ever sees the number.
inline constexpr Errno kMakeAgain{513};

struct Answer {
    /// The kernel does the call, as if there were no filter.
    static Answer go_on() { return {}; }
    static Answer value(std::int64_t value) {
        Answer answer;
        answer.goes_on = false;
        answer.result = value;
        return answer;
    }
    static Answer failed(Errno error) {
        Answer answer;
        answer.goes_on = false;
        answer.error = error;
        return answer;
    }

    /// The result is a new descriptor of the caller's for the file.
    static Answer give(runner::UniqueFd file, bool close_on_exec) {
        Answer answer;
        answer.goes_on = false;
        answer.file = std::move(file);
        answer.close_on_exec = close_on_exec;
        return answer;
    }

    /// Somebody has been given what it takes to answer (late_reply.h).
    static Answer given_later() {
        Answer answer;
        answer.goes_on = false;
        answer.later = true;
        return answer;
    }

    bool goes_on = true;
    bool later = false;
    std::int64_t result = 0;
    std::optional<Errno> error{};
    runner::UniqueFd file{};
    bool close_on_exec = false;
};

/// Of an open file of ours.
std::string path_of(int file);

class Call {
public:
    /// `listener` outlives the call.
    Call(int listener, std::uint64_t id, pid_t caller, int number,
         const std::array<std::uint64_t, 6>& arguments)
        : listener_(listener), id_(id), caller_(caller), number_(number), arguments_(arguments) {}

    int listener() const { return listener_; }
    std::uint64_t id() const { return id_; }
    /// The same call by another descriptor of the filter.
    Call with_listener(int listener) const { return {listener, id_, caller_, number_, arguments_}; }

    pid_t caller() const { return caller_; }  ///< the thread
    int number() const { return number_; }
    std::uint64_t argument(std::size_t index) const { return arguments_[index]; }
    int int_argument(std::size_t index) const { return static_cast<int>(arguments_[index]); }

    /// The caller still waits: what its pid and memory gave was its own.
    bool still_waits() const;
    /// False: not all of it could be read or written.
    bool read(std::uint64_t address, std::span<std::byte> out) const;
    bool write(std::uint64_t address, std::span<const std::byte> bytes) const;
    /// A path argument; none if it cannot be read, or is as long as PATH_MAX.
    std::optional<std::string> read_path(std::uint64_t address) const;
    /// What a file descriptor of the caller's refers to, O_PATH.
    runner::UniqueFd open_descriptor(int fd) const;
    /// Whether a path that ends in a symbolic link means that, or what it leads to.
    enum class LastLink : std::uint8_t { kFollowed, kMeant };
    /// What a path means to the caller, O_PATH. Nothing where only the kernel
    /// could tell (links of /proc to files that have no path).
    runner::UniqueFd open_path(const std::string& path, LastLink last = LastLink::kFollowed) const;

    /// As the caller's mount namespace has it; AT_FDCWD is the working directory. Empty: unknown.
    std::string path_of_descriptor(int fd) const;
    std::string path_of_root() const;
    /// The directory that the file is in, by its path; of a mount's root: where it is mounted.
    runner::UniqueFd open_directory_of(int file) const;

private:
    /// /proc/TID/NAME
    std::string proc(const std::string& name) const;

    int listener_;
    std::uint64_t id_;
    pid_t caller_;
    int number_;
    std::array<std::uint64_t, 6> arguments_;
};

}  // namespace memcgfs::supervisor
