// SPDX-License-Identifier: MIT
#include "fuse/client_call.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace memcgfs::fuse {

namespace {

/// The beginning of a small file; empty if it cannot be read.
std::string beginning_of(const std::string& path) {
    std::string text(512, '\0');
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : ::read(fd, text.data(), text.size());
    if (fd >= 0) {
        ::close(fd);
    }
    text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return text;
}

/// Takes the next number off `text`, which is decimal, or hexadecimal after "0x".
std::optional<std::uint64_t> take_number(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const bool hexadecimal = text.starts_with("0x");
    text.remove_prefix(hexadecimal ? 2 : 0);
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal ? 16 : 10);
    if (error != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// "NUMBER ARGUMENT..." of a thread that sleeps in a system call.
std::string system_call_of(pid_t thread) {
    constexpr int kTries = 50;
    const std::string path = "/proc/" + std::to_string(thread) + "/syscall";
    std::string text;
    for (int i = 0; i < kTries; i++) {
        text = beginning_of(path);
        if (!text.starts_with("running")) {
            break;
        }
        ::sched_yield();  // it has sent its request and is about to sleep
    }
    return text;
}

std::optional<std::uint64_t> position_of(pid_t thread, std::uint64_t fd) {
    constexpr std::string_view kKey = "pos:";
    const std::string text =
        beginning_of("/proc/" + std::to_string(thread) + "/fdinfo/" + std::to_string(fd));
    std::string_view rest = text;
    if (!rest.starts_with(kKey)) {
        return std::nullopt;
    }
    rest.remove_prefix(kKey.size());
    return take_number(rest);
}

struct Call {
    long number = -1;
    std::array<std::uint64_t, 5> arguments{};
};

std::optional<Call> call_of(pid_t thread) {
    const std::string text = system_call_of(thread);
    std::string_view rest = text;
    Call call;
    const auto number = take_number(rest);
    for (std::uint64_t& argument : call.arguments) {
        const auto value = take_number(rest);
        if (!number || !value) {
            return std::nullopt;
        }
        argument = *value;
    }
    call.number = static_cast<long>(*number);
    return call;
}

}  // namespace

std::optional<std::uint64_t> reader_position(pid_t thread) {
    const auto call = call_of(thread);
    if (!call) {
        return std::nullopt;
    }
    switch (call->number) {
        case SYS_read:
        case SYS_readv:
            return position_of(thread, call->arguments[0]);
        case SYS_pread64:
        case SYS_preadv:
            return call->arguments[3];
        default:
            return std::nullopt;
    }
}

std::optional<std::uint64_t> bytes_to_write(pid_t thread) {
    const auto call = call_of(thread);
    if (!call || (call->number != SYS_write && call->number != SYS_pwrite64)) {
        return std::nullopt;
    }
    return call->arguments[2];
}

bool walks_again(pid_t thread) {
    const auto call = call_of(thread);
    if (!call) {
        return false;
    }
    switch (call->number) {
#ifdef SYS_open  // older architectures alone
        case SYS_open:
        case SYS_stat:
        case SYS_lstat:
        case SYS_access:
        case SYS_chmod:
        case SYS_chown:
        case SYS_lchown:
        case SYS_utime:
        case SYS_utimes:
        case SYS_mkdir:
        case SYS_rmdir:
        case SYS_unlink:
        case SYS_rename:
        case SYS_symlink:
        case SYS_link:
        case SYS_mknod:
#endif
        case SYS_openat:
        case SYS_openat2:
        case SYS_faccessat:
        case SYS_faccessat2:
        case SYS_chdir:
        case SYS_chroot:
        case SYS_fchmodat:
        case SYS_truncate:
        case SYS_mkdirat:
        case SYS_unlinkat:
        case SYS_renameat:
        case SYS_renameat2:
        case SYS_symlinkat:
        case SYS_linkat:
        case SYS_mknodat:
        case SYS_setxattr:
        case SYS_lsetxattr:
        case SYS_getxattr:
        case SYS_lgetxattr:
        case SYS_listxattr:
        case SYS_llistxattr:
        case SYS_removexattr:
        case SYS_lremovexattr:
            return true;
        case SYS_utimensat:
            return call->arguments[1] != 0;  // no path: the times of a descriptor's file
        case SYS_newfstatat:
            return (call->arguments[3] & AT_EMPTY_PATH) == 0;
        case SYS_statx:
            return (call->arguments[2] & AT_EMPTY_PATH) == 0;
        case SYS_fchownat:
            return (call->arguments[4] & AT_EMPTY_PATH) == 0;
        default:
            return false;
    }
}

bool asks_for_real_user(pid_t thread) {
    const auto call = call_of(thread);
    if (!call) {
        return false;
    }
    switch (call->number) {
#ifdef SYS_access  // older architectures alone
        case SYS_access:
#endif
        case SYS_faccessat:
            return true;
        case SYS_faccessat2:
            return (call->arguments[3] & AT_EACCESS) == 0;
        default:
            return false;
    }
}

}  // namespace memcgfs::fuse
