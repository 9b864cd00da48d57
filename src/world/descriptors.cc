// SPDX-License-Identifier: MIT
#include "memcgfs/world/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace memcgfs::world {

namespace {

constexpr std::string_view kEventFdLink = "anon_inode:[eventfd]";
constexpr std::string_view kEventFdId = "eventfd-id:";

/// A descriptor of this process.
class Owned {
public:
    explicit Owned(int fd) : fd_(fd) {}
    Owned(Owned&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    Owned& operator=(Owned&&) = delete;
    ~Owned() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    int get() const { return fd_; }

private:
    int fd_;
};

std::string directory_of(pid_t thread, const char* what) {
    return "/proc/" + std::to_string(thread) + "/" + what;
}

std::string path_of(pid_t thread, const char* what, std::uint32_t number) {
    return directory_of(thread, what) + "/" + std::to_string(number);
}

/// The names in a directory; empty where it cannot be read.
std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    DIR* stream = opendir(directory.c_str());
    if (stream == nullptr) {
        return names;
    }
    while (const dirent* entry = readdir(stream)) {
        if (entry->d_name[0] != '.') {
            names.emplace_back(entry->d_name);
        }
    }
    closedir(stream);
    return names;
}

Result<std::string> read_link(const std::string& path) {
    std::array<char, PATH_MAX> text{};
    const ssize_t length = readlink(path.c_str(), text.data(), text.size());
    if (length < 0) {
        return Err(errno == ENOENT ? Errno::kEBADF : static_cast<Errno>(errno));
    }
    return std::string(text.data(), static_cast<std::size_t>(length));
}

/// One line "KEY value" of a small /proc file; empty if there is none.
std::string proc_field(const std::string& path, std::string_view key) {
    const Owned file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 4096> text{};
    const ssize_t length = file.get() < 0 ? 0 : read(file.get(), text.data(), text.size());
    std::string_view rest(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (line.starts_with(key)) {
            const std::size_t value = line.find_first_not_of(" \t", key.size());
            return std::string(value == std::string_view::npos ? "" : line.substr(value));
        }
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return {};
}

template <class Number>
std::optional<Number> number_of(std::string_view text, int base = 10) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

std::optional<OpenedFile> look_at(const std::string& path) {
    struct statx status {};
    if (statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &status) != 0) {
        return std::nullopt;
    }
    return OpenedFile{.device = makedev(status.stx_dev_major, status.stx_dev_minor),
                      .inode = status.stx_ino,
                      .regular = S_ISREG(status.stx_mode)};
}

/// Whether the process has an eventfd of this number (/proc/PID/fdinfo) open.
bool has_eventfd(pid_t process, std::string_view id) {
    const std::string directory = directory_of(process, "fdinfo");
    for (const std::string& name : names_in(directory)) {
        if (proc_field(directory + "/" + name, kEventFdId) == id) {
            return true;
        }
    }
    return false;
}

class SharedEventFd final : public EventFd {
public:
    SharedEventFd(Owned fd, pid_t owner) : fd_(std::move(fd)), owner_(owner) {
        id_ = proc_field(path_of(getpid(), "fdinfo", static_cast<std::uint32_t>(fd_.get())),
                         kEventFdId);
    }

    void signal() override {
        // Its counter may be full, and the program may not have made it non-blocking.
        pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
        if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0) {
            eventfd_write(fd_.get(), 1);
        }
    }

    bool held() override {
        if (id_.empty() || has_eventfd(owner_, id_)) {
            return true;  // before 5.2 there is no telling
        }
        for (const std::string& name : names_in("/proc")) {
            const auto process = number_of<pid_t>(name);
            if (process && *process != getpid() && has_eventfd(*process, id_)) {
                return true;
            }
        }
        return false;
    }

private:
    Owned fd_;
    pid_t owner_;     // the process that registered it: the likeliest to have it open
    std::string id_;  // unique among the machine's eventfds
};

}  // namespace

Result<std::unique_ptr<EventFd>> share_eventfd(pid_t thread, std::uint32_t number) {
    // Looked at before it is copied: the copy of anything else would end by a close() that may
    // be noticed.
    if (MEMCGFS_TRY(read_link(path_of(thread, "fd", number))) != kEventFdLink) {
        return Err(Errno::kEINVAL);
    }
    const auto process = number_of<pid_t>(proc_field(directory_of(thread, "status"), "Tgid:"));
    if (!process) {
        return Err(Errno::kESRCH);
    }
    const Owned pidfd(static_cast<int>(syscall(SYS_pidfd_open, *process, 0)));
    if (pidfd.get() < 0) {
        return Err(static_cast<Errno>(errno));
    }
    Owned copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
    if (copy.get() < 0) {
        return Err(static_cast<Errno>(errno));
    }
    const auto own = static_cast<std::uint32_t>(copy.get());
    if (MEMCGFS_TRY(read_link(path_of(getpid(), "fd", own))) != kEventFdLink) {
        return Err(Errno::kEINVAL);  // exchanged meanwhile
    }
    return std::unique_ptr<EventFd>(new SharedEventFd(std::move(copy), *process));
}

Result<OpenedFile> look_at_descriptor(pid_t thread, std::uint32_t number) {
    const std::string flags = proc_field(path_of(thread, "fdinfo", number), "flags:");
    const auto bits = number_of<unsigned>(flags, 8);
    if (!bits || (*bits & O_PATH) != 0) {
        return Err(Errno::kEBADF);
    }
    const auto file = look_at(path_of(thread, "fd", number));
    if (!file) {
        return Err(errno == ENOENT ? Errno::kEBADF : static_cast<Errno>(errno));
    }
    return *file;
}

std::vector<dev_t> devices_with_open_inode(pid_t thread, ino_t inode) {
    std::vector<dev_t> devices;
    const std::string directory = directory_of(thread, "fd");
    for (const std::string& name : names_in(directory)) {
        const auto file = look_at(directory + "/" + name);
        if (file && file->inode == inode) {
            devices.push_back(file->device);
        }
    }
    return devices;
}

}  // namespace memcgfs::world
