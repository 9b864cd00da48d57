// SPDX-License-Identifier: MIT
#include "supervisor/call.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace memcgfs::supervisor {
namespace {

constexpr std::size_t kPageBytes = 4096;

std::string link_target(const std::string& link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = readlink(link.c_str(), target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : "";
}

}  // namespace

std::optional<std::uint64_t> fuse_node_of(int fd) {
    // fuse_encode_fh() (fs/fuse/inode.c, 6.1): upper and lower half of the number, generation.
    constexpr std::size_t kWords = 3;
    alignas(file_handle) std::array<std::byte, sizeof(file_handle) + kWords * 4> bytes{};
    auto* const handle = reinterpret_cast<file_handle*>(bytes.data());
    handle->handle_bytes = kWords * 4;
    int mount = 0;
    if (name_to_handle_at(fd, "", handle, &mount, AT_EMPTY_PATH) != 0 ||
        handle->handle_bytes != kWords * 4) {
        return std::nullopt;
    }
    std::array<std::uint32_t, kWords> words{};
    std::memcpy(words.data(), handle->f_handle, sizeof(words));
    return std::uint64_t{words[0]} << 32U | words[1];
}

std::string path_of(int file) { return link_target("/proc/self/fd/" + std::to_string(file)); }

std::string Call::proc(const std::string& name) const {
    return "/proc/" + std::to_string(caller_) + "/" + name;
}

bool Call::still_waits() const { return ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id_) == 0; }

bool Call::read(std::uint64_t address, std::span<std::byte> out) const {
    const iovec local{out.data(), out.size()};
    const iovec remote{reinterpret_cast<void*>(address), out.size()};
    return process_vm_readv(caller_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(out.size());
}

bool Call::write(std::uint64_t address, std::span<const std::byte> bytes) const {
    // The call does not write through `local`.
    const iovec local{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const iovec remote{reinterpret_cast<void*>(address), bytes.size()};
    return still_waits() && process_vm_writev(caller_, &local, 1, &remote, 1, 0) ==
                                static_cast<ssize_t>(bytes.size());
}

std::optional<std::string> Call::read_path(std::uint64_t address) const {
    std::string path;
    while (path.size() < PATH_MAX) {
        // Not beyond the page: the next one need not be there.
        std::array<char, kPageBytes> part{};
        const std::size_t size = kPageBytes - (address + path.size()) % kPageBytes;
        if (!read(address + path.size(), std::as_writable_bytes(std::span(part).first(size)))) {
            return std::nullopt;
        }
        const auto end = std::find(part.begin(), part.begin() + size, '\0');
        path.append(part.begin(), end);
        if (end != part.begin() + size) {
            return path.size() < PATH_MAX ? std::optional(path) : std::nullopt;
        }
    }
    return std::nullopt;
}

runner::UniqueFd Call::open_descriptor(int fd) const {
    const std::string link = fd == AT_FDCWD ? proc("cwd") : proc("fd/" + std::to_string(fd));
    return runner::UniqueFd(open(link.c_str(), O_PATH | O_CLOEXEC));
}

runner::UniqueFd Call::open_path(const std::string& path, LastLink last) const {
    std::string absolute = path;
    if (!path.starts_with('/')) {
        // As a path, so that links and ".." end at the caller's root and not at ours.
        absolute = link_target(proc("cwd")) + "/" + path;
        if (!absolute.starts_with('/')) {
            return {};
        }
    }
    const runner::UniqueFd root(open(proc("root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | (last == LastLink::kMeant ? O_NOFOLLOW : 0);
    how.resolve = RESOLVE_IN_ROOT;
    return runner::UniqueFd(
        static_cast<int>(syscall(SYS_openat2, root.get(), absolute.c_str(), &how, sizeof(how))));
}

std::string Call::path_of_descriptor(int fd) const {
    return link_target(fd == AT_FDCWD ? proc("cwd") : proc("fd/" + std::to_string(fd)));
}

std::string Call::path_of_root() const { return link_target(proc("root")); }

runner::UniqueFd Call::open_directory_of(int file) const {
    const std::string path = path_of(file);
    return open_path(path.substr(0, path.rfind('/') + 1));
}

}  // namespace memcgfs::supervisor
