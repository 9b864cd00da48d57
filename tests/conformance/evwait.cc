// SPDX-License-Identifier: MIT
//
// Waits for what a group's files announce; for conformance cases, on memcgfs and on a kernel.
//
//   evwait [-n COUNT] [-t MS] eventfd FILE [ARGUMENTS]   registers in cgroup.event_control
//   evwait [-n COUNT] [-t MS] poll FILE                  POLLPRI after the file has been read
//   evwait [-n COUNT] [-t MS] inotify PATH               what happens to a file, or in a directory
//   evwait [-n COUNT] [-t MS] psi FILE TRIGGER           POLLPRI after a trigger was written
//
// Prints "armed", or what failed and why; then "event" (by inotify "modified", with the name where
// PATH is a directory, or the mask in hexadecimal for anything else) for each of COUNT (1), "gone"
// if the group was removed, or "quiet" when nothing came for MS milliseconds (20000).
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Options {
    int count = 1;
    int timeout_ms = 20000;
};

int failed(const char* what) {
    std::printf("%s: %s\n", what, std::strerror(errno));
    return 1;
}

/// The revents, or 0 after the timeout.
short wait_for(int fd, short events, const Options& options) {
    pollfd file{fd, events, 0};
    if (poll(&file, 1, options.timeout_ms) != 1) {
        std::puts("quiet");
        return 0;
    }
    return file.revents;
}

int by_eventfd(const std::string& file, const char* arguments, const Options& options) {
    const std::string control = file.substr(0, file.rfind('/') + 1) + "cgroup.event_control";
    const int watched = open(file.c_str(), O_RDONLY);
    if (watched < 0) {
        return failed("open");
    }
    const int control_fd = open(control.c_str(), O_WRONLY);
    const int event_fd = eventfd(0, 0);
    if (control_fd < 0 || event_fd < 0) {
        return failed("open cgroup.event_control");
    }
    std::string line = std::to_string(event_fd) + " " + std::to_string(watched);
    if (arguments != nullptr) {
        line += std::string(" ") + arguments;
    }
    if (write(control_fd, line.data(), line.size()) < 0) {
        return failed("register");
    }
    std::puts("armed");
    for (int seen = 0; seen < options.count;) {
        std::uint64_t ticks = 0;
        if (wait_for(event_fd, POLLIN, options) == 0) {
            return 0;
        }
        if (read(event_fd, &ticks, sizeof ticks) != sizeof ticks) {
            return failed("read");
        }
        if (access(control.c_str(), F_OK) != 0) {
            std::puts("gone");
            return 0;
        }
        for (; ticks > 0 && seen < options.count; ticks--, seen++) {
            std::puts("event");
        }
    }
    return 0;
}

int by_poll(const char* file, const Options& options) {
    const int fd = open(file, O_RDONLY);
    char text[4096];
    if (fd < 0 || pread(fd, text, sizeof text, 0) < 0) {
        return failed("open");
    }
    std::puts("armed");
    for (int seen = 0; seen < options.count; seen++) {
        if (wait_for(fd, POLLPRI, options) == 0) {
            return 0;
        }
        if (pread(fd, text, sizeof text, 0) < 0) {
            std::puts("gone");
            return 0;
        }
        std::puts("event");
    }
    return 0;
}

int by_inotify(const char* path, const Options& options) {
    // What looking at a file does is left out: everybody may look.
    constexpr std::uint32_t kWatched = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVE |
                                       IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
    const int fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0 || inotify_add_watch(fd, path, kWatched) < 0) {
        return failed("inotify");
    }
    std::puts("armed");
    alignas(inotify_event) char buffer[4096];
    for (int seen = 0; seen < options.count;) {
        if (wait_for(fd, POLLIN, options) == 0) {
            return 0;
        }
        const ssize_t size = read(fd, buffer, sizeof buffer);
        for (ssize_t at = 0; at < size && seen < options.count; seen++) {
            const auto* const event = reinterpret_cast<const inotify_event*>(buffer + at);
            at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
            const char* const name = event->len > 0 ? event->name : "";
            if (event->mask == IN_MODIFY) {
                std::printf("modified%s%s\n", *name != '\0' ? " " : "", name);
            } else {
                std::printf("mask %#x%s%s\n", event->mask, *name != '\0' ? " " : "", name);
            }
        }
    }
    return 0;
}

int by_psi(const char* file, const char* trigger, const Options& options) {
    const int fd = open(file, O_RDWR | O_NONBLOCK);
    if (fd < 0) {
        return failed("open");
    }
    if (write(fd, trigger, std::strlen(trigger) + 1) < 0) {
        return failed("trigger");
    }
    std::puts("armed");
    for (int seen = 0; seen < options.count; seen++) {
        const short events = wait_for(fd, POLLPRI, options);
        if (events == 0) {
            return 0;
        }
        if ((events & POLLERR) != 0) {
            std::puts("gone");
            return 0;
        }
        std::puts("event");
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Options options;
    for (int option = 0; (option = getopt(argc, argv, "+n:t:")) != -1;) {
        if (option == 'n') {
            options.count = std::atoi(optarg);
        } else if (option == 't') {
            options.timeout_ms = std::atoi(optarg);
        } else {
            return 2;
        }
    }
    const std::string mode = optind < argc ? argv[optind] : "";
    const int left = argc - optind;
    if (mode == "eventfd" && (left == 2 || left == 3)) {
        return by_eventfd(argv[optind + 1], argv[optind + 2], options);
    }
    if (mode == "poll" && left == 2) {
        return by_poll(argv[optind + 1], options);
    }
    if (mode == "inotify" && left == 2) {
        return by_inotify(argv[optind + 1], options);
    }
    if (mode == "psi" && left == 3) {
        return by_psi(argv[optind + 1], argv[optind + 2], options);
    }
    std::fputs("usage: evwait [-n COUNT] [-t MS] eventfd|poll|inotify|psi FILE [ARGUMENT]\n",
               stderr);
    return 2;
}
