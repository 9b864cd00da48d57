// SPDX-License-Identifier: MIT
//
// Real memory of a real process, in ways a shell cannot have it; for conformance cases, on memcgfs
// and on a kernel.
//
//   realmem STEP...
//     anon MB          touches so many MB of new memory, a page at a time
//     threads N MB     the same by N threads at once, each its part
//     heap MB          the same in memory of brk(2)
//     tally FILE       from now on a number in FILE goes up with each page that is touched
//     gates            ends with 77 where page faults cannot be made to wait (userfaultfd(2),
//                      ptrace(2))
//     populate MB      mmap(2) does it (MAP_POPULATE)
//     lock MB          mlock(2) does it
//     read MB          read(2) of /dev/zero into new memory does it
//     drop             gives back what the last of these steps has brought
//     fork             a child with the same memory that stays until the end
//     rewrite          touches all of the memory again
//     between LOW HIGH FILE    whether the number in FILE, in MB, is in that range
//
// Prints a line a step: "anon 40: ok", or the errno's text.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMb = 1 << 20;

struct Region {
    char* start = nullptr;
    std::size_t size = 0;
};
std::vector<Region> regions;
std::vector<pid_t> children;
std::atomic<std::uint64_t>* tally = nullptr;

void tell(const std::string& step, bool ok) {
    std::printf("%s: %s\n", step.c_str(), ok ? "ok" : std::strerror(errno));
    std::fflush(stdout);
}

void touch(Region region) {
    for (std::size_t at = 0; at < region.size; at += kPage) {
        static_cast<volatile char*>(region.start)[at] = 1;
        if (tally != nullptr) {
            (*tally)++;
        }
    }
}

bool keep_tally(const char* path) {
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ftruncate(file, kPage) != 0) {
        return false;
    }
    void* const page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    tally = static_cast<std::atomic<std::uint64_t>*>(page);
    return page != MAP_FAILED && close(file) == 0;
}

bool may_trace() {
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    const bool may = ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0;
    kill(child, SIGKILL);
    waitpid(child, nullptr, __WALL);
    return may;
}

bool has_gates() {
    const long file = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    return file >= 0 && may_trace();
}

bool grow_heap(std::size_t megabytes) {
    void* const start = sbrk(static_cast<std::intptr_t>(megabytes * kMb));
    if (start == reinterpret_cast<void*>(-1)) {
        return false;
    }
    touch({static_cast<char*>(start), megabytes * kMb});
    return true;
}

bool make(std::size_t megabytes, int flags = 0) {
    void* const start = mmap(nullptr, megabytes * kMb, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (start == MAP_FAILED) {
        return false;
    }
    madvise(start, megabytes * kMb, MADV_NOHUGEPAGE);
    regions.push_back({static_cast<char*>(start), megabytes * kMb});
    return true;
}

bool touch_by(unsigned threads, std::size_t megabytes) {
    if (!make(megabytes)) {
        return false;
    }
    const Region all = regions.back();
    const std::size_t part = all.size / threads / kPage * kPage;
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i) {
        running.emplace_back(touch, Region{all.start + i * part, part});
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    return true;
}

bool lock(std::size_t megabytes) {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    return make(megabytes) && mlock(regions.back().start, regions.back().size) == 0;
}

bool read_zeros(std::size_t megabytes) {
    if (!make(megabytes)) {
        return false;
    }
    const int file = open("/dev/zero", O_RDONLY);
    Region left = regions.back();
    while (left.size > 0) {
        const ssize_t got = read(file, left.start, left.size);
        if (got <= 0) {
            return false;
        }
        left.start += got;
        left.size -= static_cast<std::size_t>(got);
    }
    return close(file) == 0;
}

bool fork_child() {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        // The parent may have been killed before it was asked for.
        while (getppid() == parent) {
            pause();
        }
        _exit(1);
    }
    children.push_back(child);
    return child > 0;
}

void tell_range(double low, double high, const char* path) {
    char text[64] = {};
    const int file = open(path, O_RDONLY);
    const bool ok = file >= 0 && read(file, text, sizeof text - 1) > 0;
    close(file);
    const double value = std::atof(text) / static_cast<double>(kMb);
    if (!ok) {
        tell(path, false);
    } else if (value >= low && value <= high) {
        std::printf("%s: between %g and %g MB\n", path, low, high);
    } else {
        std::printf("%s: %.1f MB\n", path, value);
    }
    std::fflush(stdout);
}

/// Makes one step; how many of `words` it has taken.
int make_step(char** words) {
    const std::string step = words[0];
    const auto megabytes = [&](int at) { return static_cast<std::size_t>(std::atoi(words[at])); };
    if (step == "drop") {
        tell(step, munmap(regions.back().start, regions.back().size) == 0);
        regions.pop_back();
        return 1;
    }
    if (step == "fork") {
        tell(step, fork_child());
        return 1;
    }
    if (step == "gates") {
        if (!has_gates()) {
            std::exit(77);
        }
        return 1;
    }
    if (step == "rewrite") {
        for (const Region& region : regions) {
            touch(region);
        }
        tell(step, true);
        return 1;
    }
    if (step == "between") {
        tell_range(std::atof(words[1]), std::atof(words[2]), words[3]);
        return 4;
    }
    if (step == "threads") {
        tell(step + " " + words[1] + " " + words[2],
             touch_by(static_cast<unsigned>(megabytes(1)), megabytes(2)));
        return 3;
    }
    bool ok = false;
    if (step == "tally") {
        ok = keep_tally(words[1]);
        return ok ? 2 : (tell(step, ok), 2);
    }
    if (step == "heap") {
        ok = grow_heap(megabytes(1));
    } else if (step == "anon") {
        ok = touch_by(1, megabytes(1));
    } else if (step == "populate") {
        ok = make(megabytes(1), MAP_POPULATE);
    } else if (step == "lock") {
        ok = lock(megabytes(1));
    } else if (step == "read") {
        ok = read_zeros(megabytes(1));
    }
    tell(step + " " + words[1], ok);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    for (int at = 1; at < argc;) {
        at += make_step(argv + at);
    }
    for (const pid_t child : children) {
        kill(child, SIGKILL);
    }
}
