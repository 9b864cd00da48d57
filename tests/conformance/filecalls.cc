// SPDX-License-Identifier: MIT
//
// Calls on files of a group that no shell can make; for conformance cases, on memcgfs and on a
// kernel.
//
//   filecalls names DIR LENGTH...        mkdir of names that long
//   filecalls removed DIR GROUPS FILE... many files open, their groups removed, then every call
//   filecalls big FILE LENGTH...         one write of so many digits
//   filecalls interrupt FILE TEXT MS [restart]
//                                        a write with a signal each MS milliseconds, that a handler
//                                        (with SA_RESTART) takes
//   filecalls kill FILE TEXT USAGE       a write whose process is killed when the number in USAGE
//                                        has become less
//   filecalls handle PATH                name_to_handle_at(2) in ways right and wrong
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

volatile std::sig_atomic_t signals_taken = 0;

/// "0" or the error's name, of a call that gives -1 for an error.
std::string answer(long result) { return result < 0 ? strerrorname_np(errno) : "0"; }

/// A file handle with room for what any file system gives.
struct Handle {
    alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> bytes{};
    file_handle& head() { return *reinterpret_cast<file_handle*>(bytes.data()); }
};

/// What a call says of `path`, with room for so many bytes.
void tell_handle(const char* how, int directory, const char* path, unsigned room, int flags) {
    Handle handle;
    handle.head().handle_bytes = room;
    int mount = -1;
    const int result = name_to_handle_at(directory, path, &handle.head(), &mount, flags);
    std::printf("%s: %s, %u bytes", how, answer(result).c_str(), handle.head().handle_bytes);
    struct stat status{};
    std::uint64_t id = 0;
    if (result == 0 && fstatat(directory, path, &status, flags & AT_EMPTY_PATH) == 0) {
        std::memcpy(&id, handle.head().f_handle, sizeof(id));
        std::printf(", type %d, %s inode number", handle.head().handle_type,
                    id == status.st_ino ? "the" : "not the");
    }
    std::printf(", mount id %s\n", mount > 0 ? "given" : "not given");
}

int handle(const std::vector<std::string>& words) {
    const char* path = words[0].c_str();
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    constexpr unsigned kId = sizeof(std::uint64_t);
    tell_handle("by path", AT_FDCWD, path, kId, 0);
    tell_handle("with much room", AT_FDCWD, path, MAX_HANDLE_SZ, AT_SYMLINK_FOLLOW);
    tell_handle("by descriptor", fd, "", kId, AT_EMPTY_PATH);
    tell_handle("too little room", AT_FDCWD, path, kId - 1, 0);
    tell_handle("no room", AT_FDCWD, path, 0, 0);
    tell_handle("too much room", AT_FDCWD, path, MAX_HANDLE_SZ + 1, 0);
    tell_handle("unknown flag", AT_FDCWD, path, kId, 0x40);
    tell_handle("no such file", AT_FDCWD, "/no/such/file", kId, 0);
    tell_handle("an empty path", fd, "", kId, 0);
    Handle wanted;
    wanted.head().handle_bytes = kId;
    const auto into = [&](file_handle* to, int* mount) {
        return answer(name_to_handle_at(AT_FDCWD, path, to, mount, 0));
    };
    int mount = 0;
    std::printf("handle nowhere: %s\n", into(reinterpret_cast<file_handle*>(8), &mount).c_str());
    std::printf("mount id nowhere: %s\n", into(&wanted.head(), reinterpret_cast<int*>(8)).c_str());
    return 0;
}

int names(const std::vector<std::string>& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string path = words[0] + "/" + std::string(std::stoul(words[i]), 'n');
        std::printf("%s: mkdir %s", words[i].c_str(), answer(mkdir(path.c_str(), 0755)).c_str());
        std::printf(", rmdir %s\n", answer(rmdir(path.c_str())).c_str());
    }
    return 0;
}

/// How often each of a call's answers came.
using Answers = std::map<std::string, int>;

void print(const char* call, const Answers& answers) {
    for (const auto& [what, times] : answers) {
        std::printf("%s: %s, %d times\n", call, what.c_str(), times);
    }
}

std::string poll_answer(int fd) {
    pollfd polled{fd, POLLIN | POLLOUT | POLLPRI, 0};
    if (poll(&polled, 1, 0) < 0) {
        return answer(-1);
    }
    std::string events;
    for (const auto& [bit, name] : {std::pair{POLLIN, " IN"},
                                    {POLLOUT, " OUT"},
                                    {POLLPRI, " PRI"},
                                    {POLLERR, " ERR"},
                                    {POLLHUP, " HUP"},
                                    {POLLNVAL, " NVAL"}}) {
        events += (polled.revents & bit) != 0 ? name : "";
    }
    return "events" + events;
}

int removed(const std::vector<std::string>& words) {
    constexpr int kEach = 100;
    const int groups = std::stoi(words[1]);
    const auto files = static_cast<rlim_t>(groups * kEach + 100);
    const rlimit room{files, files};
    if (setrlimit(RLIMIT_NOFILE, &room) != 0) {
        std::printf("setrlimit: %s\n", answer(-1).c_str());
        return 1;
    }
    std::vector<int> fds;
    Answers removals;
    for (int group = 0; group < groups; ++group) {
        const std::string path = words[0] + "/removed" + std::to_string(group);
        mkdir(path.c_str(), 0755);
        for (int i = 0; i < kEach; ++i) {
            const std::size_t file = 2 + static_cast<std::size_t>(i) % (words.size() - 2);
            fds.push_back(open((path + "/" + words[file]).c_str(), O_RDWR));
        }
        removals[answer(rmdir(path.c_str()))]++;
    }
    Answers polled, read_first, written, fstated, polled_again;
    for (const int fd : fds) {
        char byte = 0;
        struct stat about{};
        polled[poll_answer(fd)]++;
        read_first[answer(read(fd, &byte, 1))]++;
        written[answer(write(fd, "0", 1))]++;
        fstated[answer(fstat(fd, &about))]++;
        polled_again[poll_answer(fd)]++;
    }
    print("rmdir", removals);
    print("poll", polled);
    print("read", read_first);
    print("write", written);
    print("fstat", fstated);
    print("poll again", polled_again);
    Answers closed;
    for (const int fd : fds) {
        closed[answer(close(fd))]++;
    }
    print("close", closed);
    return 0;
}

int big(const std::vector<std::string>& words) {
    const int fd = open(words[0].c_str(), O_WRONLY);
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string text(std::stoul(words[i]), '0');
        std::printf("%s: %s\n", words[i].c_str(),
                    answer(write(fd, text.data(), text.size())).c_str());
    }
    return 0;
}

int interrupt(const std::vector<std::string>& words) {
    struct sigaction action{};
    action.sa_handler = [](int) { signals_taken = 1; };
    action.sa_flags = words.size() > 3 ? SA_RESTART : 0;
    sigaction(SIGALRM, &action, nullptr);
    const int fd = open(words[0].c_str(), O_WRONLY);
    const int period_us = std::stoi(words[2]) * 1000;
    const itimerval period{{0, period_us}, {0, period_us}};
    setitimer(ITIMER_REAL, &period, nullptr);
    const ssize_t written = write(fd, words[1].data(), words[1].size());
    const std::string how = answer(written);
    const itimerval none{};
    setitimer(ITIMER_REAL, &none, nullptr);
    std::printf("%s, a signal taken: %s\n", how.c_str(), signals_taken != 0 ? "yes" : "no");
    return 0;
}

long number_in(const std::string& path) {
    char text[32] = {};
    const int fd = open(path.c_str(), O_RDONLY);
    (void)!read(fd, text, sizeof text - 1);
    close(fd);
    return std::atol(text);
}

int kill_writer(const std::vector<std::string>& words) {
    const long before = number_in(words[2]);
    const pid_t writer = fork();
    if (writer == 0) {
        const int fd = open(words[0].c_str(), O_WRONLY);
        _exit(write(fd, words[1].data(), words[1].size()) < 0 ? 1 : 0);
    }
    int status = 0;
    pid_t ended = 0;
    while (ended == 0 && number_in(words[2]) >= before) {
        ended = waitpid(writer, &status, WNOHANG);
    }
    if (ended != 0) {
        std::puts("it was over before it could be killed");
        return 1;
    }
    kill(writer, SIGKILL);
    waitpid(writer, &status, 0);
    std::printf("killed while it wrote: %s\n", WIFSIGNALED(status) ? "yes" : "no");
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<std::string> words(arguments + 1, arguments + count);
    const std::string what = words.empty() ? "" : words[0];
    if (words.size() < (what == "handle" ? 2 : 3)) {
        return 2;
    }
    words.erase(words.begin());
    if (what == "handle") {
        return handle(words);
    }
    if (what == "names") {
        return names(words);
    }
    if (what == "removed") {
        return removed(words);
    }
    if (what == "big") {
        return big(words);
    }
    if (what == "interrupt") {
        return interrupt(words);
    }
    return what == "kill" ? kill_writer(words) : 2;
}
