// SPDX-License-Identifier: MIT
//
// A process whose threads do one thing after another; for conformance cases, on memcgfs and on a
// kernel.
//
//   threads STEP...
//     new              the thread makes a thread: T1, T2, ... (T0 is the first of the process)
//     fork             the thread makes a process that stays: C1, C2, ...
//     by N             the next steps are thread N's
//     end N            thread N ends, and is waited for
//     exit             the thread ends, if it is the first; the next steps are T1's
//     write FILE TEXT  one write; how it went
//     show FILE        its contents, a space for each newline
//     list FILE        its lines, sorted
//     groups FILE      the lines of a /proc/.../cgroup that tell of memory, pids or v2, without
//                      their numbers
//
// %T1 or %C1 in FILE and TEXT stands for an id, and ids are shown as these names. What is left ends
// with the program.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Thread {
    pid_t tid = 0;
    std::atomic<bool> my_turn = false;
    bool ends = false;
};

std::map<std::string, pid_t> ids;
std::vector<std::unique_ptr<Thread>> threads;
std::vector<pid_t> children;
std::vector<std::string> steps;
std::size_t next_step = 0;

std::string take_word() { return next_step < steps.size() ? steps[next_step++] : std::string(); }

std::string with_ids(std::string text) {
    for (const auto& [name, id] : ids) {
        for (std::size_t at = text.find("%" + name); at != std::string::npos;
             at = text.find("%" + name)) {
            text.replace(at, name.size() + 1, std::to_string(id));
        }
    }
    return text;
}

std::string name_of(const std::string& number) {
    for (const auto& [name, id] : ids) {
        if (std::to_string(id) == number) {
            return name;
        }
    }
    return number;
}

std::string with_names(const std::string& text) {
    std::string named;
    for (std::size_t at = 0; at < text.size();) {
        std::string number;
        while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
            number += text[at++];
        }
        named += number.empty() ? "" : name_of(number);
        if (at < text.size()) {
            named += text[at++];
        }
    }
    return named;
}

void tell(const std::string& step, bool ok) {
    std::printf("%s: %s\n", step.c_str(), ok ? "ok" : std::strerror(errno));
    std::fflush(stdout);
}

bool contents(const std::string& path, std::string& text) {
    text.assign(8192, '\0');
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd >= 0 ? read(fd, text.data(), text.size()) : -1;
    const int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return length >= 0;
}

void show(const std::string& path) {
    std::string text;
    const bool ok = contents(with_ids(path), text);
    for (char& byte : text) {
        byte = byte == '\n' ? ' ' : byte;
    }
    std::printf("%s: %s\n", path.c_str(), ok ? with_names(text).c_str() : std::strerror(errno));
    std::fflush(stdout);
}

void list(const std::string& path) {
    std::string text;
    const bool ok = contents(with_ids(path), text);
    std::istringstream words(text);
    std::set<std::string> lines;
    for (std::string word; words >> word;) {
        lines.insert(name_of(word));
    }
    std::printf("%s:%s", path.c_str(), ok ? "" : std::strerror(errno));
    for (const std::string& line : lines) {
        std::printf(" %s", line.c_str());
    }
    std::printf("\n");
    std::fflush(stdout);
}

void groups(const std::string& path) {
    std::string text;
    const bool ok = contents(with_ids(path), text);
    std::printf("%s:%s", path.c_str(), ok ? "" : std::strerror(errno));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        line.erase(0, line.find(':') + 1);
        if (line[0] == ':' || line.starts_with("memory:") || line.starts_with("pids:")) {
            std::printf(" %s", line.c_str());
        }
    }
    std::printf("\n");
    std::fflush(stdout);
}

bool write_text(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool ok = fd >= 0 && write(fd, text.data(), text.size()) >= 0;
    const int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return ok;
}

void take_turns(Thread& self);

int thread_body(void* argument) {
    Thread& self = *static_cast<Thread*>(argument);
    self.tid = static_cast<pid_t>(syscall(SYS_gettid));
    take_turns(self);
    syscall(SYS_exit, 0);
    return 0;
}

bool make_thread() {
    constexpr std::size_t kStackBytes = 262144;
    char* const stack = new char[kStackBytes];  // as long as the process
    Thread& made = *threads.emplace_back(std::make_unique<Thread>());
    const int tid = clone(
        thread_body, stack + kStackBytes,
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, &made);
    ids["T" + std::to_string(threads.size() - 1)] = tid;
    return tid > 0;
}

bool make_child() {
    const auto pid = static_cast<pid_t>(syscall(SYS_fork));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    children.push_back(pid);
    ids["C" + std::to_string(children.size())] = pid;
    return pid > 0;
}

Thread& thread_named(const std::string& number) {
    return *threads.at(static_cast<std::size_t>(std::atoi(number.c_str())));
}

void end_thread(const std::string& number) {
    Thread& thread = thread_named(number);
    const std::string task = "/proc/self/task/" + std::to_string(ids.at("T" + number));
    thread.ends = true;
    thread.my_turn = true;
    while (access(task.c_str(), F_OK) == 0) {
        usleep(1000);
    }
    std::printf("end %s\n", number.c_str());
    std::fflush(stdout);
}

[[noreturn]] void end_all() {
    for (const pid_t child : children) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, __WALL);
    }
    _exit(0);
}

/// One step; false when the turn has passed to another thread.
bool do_step(Thread& self) {
    const std::string step = take_word();
    if (step == "new") {
        tell(step, make_thread());
    } else if (step == "fork") {
        tell(step, make_child());
    } else if (step == "by") {
        Thread& other = thread_named(take_word());
        if (&other != &self) {
            other.my_turn = true;
            return false;
        }
    } else if (step == "exit") {
        self.ends = true;
        threads.at(1)->my_turn = true;
        return false;
    } else if (step == "end") {
        end_thread(take_word());
    } else if (step == "write") {
        const std::string path = take_word();
        const std::string text = take_word();
        const bool ok = write_text(with_ids(path), with_ids(text));
        tell(text + " > " + path, ok);
    } else if (step == "show") {
        show(take_word());
    } else if (step == "list") {
        list(take_word());
    } else if (step == "groups") {
        groups(take_word());
    } else {
        std::fprintf(stderr, "threads: unknown step %s\n", step.c_str());
        end_all();
    }
    return true;
}

/// The first thread is a zombie, as long as there are others.
bool first_has_ended() {
    char text[64] = {};
    const int file = open("/proc/self/stat", O_RDONLY);
    const bool ok = file >= 0 && read(file, text, sizeof text - 1) > 0;
    close(file);
    return ok && std::strstr(text, ") Z ") != nullptr;
}

void take_turns(Thread& self) {
    while (!self.ends) {
        while (!self.my_turn) {
            usleep(500);
        }
        self.my_turn = false;
        while (threads.front()->ends && !first_has_ended()) {
            usleep(500);
        }
        while (!self.ends && do_step(self)) {
            if (next_step >= steps.size()) {
                end_all();
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    steps.assign(argv + 1, argv + argc);
    Thread& first = *threads.emplace_back(std::make_unique<Thread>());
    first.tid = getpid();
    ids["T0"] = first.tid;
    first.my_turn = true;
    take_turns(first);
    syscall(SYS_exit, 0);
}
