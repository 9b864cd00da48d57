// SPDX-License-Identifier: MIT
//
// Memory that a real process gets, and gives back, by the ways that are seldom gone; for
// conformance cases, on memcgfs and on a kernel.
//
//   oddmem STEP...
//     anon MB          touches so many MB of new memory, a page at a time
//     huge MB          the same, where huge pages are wanted (MADV_HUGEPAGE)
//     sparse GB MB     the same, in pages spread over so many GB of address space
//     many N MB        the same by N threads that are there at once, each its part
//     lockall MB       mlockall(2) of what is there and of what comes, and then a mapping
//     userfault MB     a thread of the process serves the faults (userfaultfd(2))
//     ring MB          io_uring(7) reads /dev/zero into new memory
//     copied MB        a child writes to new memory (process_vm_writev(2))
//     remap MB         mremap(2) makes an eighth grow to that, eight times
//     stack MB         a thread calls itself deep down
//     dontneed MB      touches as much and gives the second half back (madvise(2))
//     free MB          the same with MADV_FREE
//     pageout MB       the same with MADV_PAGEOUT
//     drop             gives back what the last of these steps has brought
//     vforks N         makes so many children by vfork(2), each of which executes a program
//     waits N          children that end while epoll_wait(2) waits, which none of them interrupts
//     filter           a seccomp filter of its own
//     user UID         becomes another user
//     between LOW HIGH FILE    whether the number in FILE, in MB, is in that range
//
// What memory holds is checked after each step. Prints a line a step: "anon 40: ok", or the errno's
// text. Where a host does not let a step's way be gone the memory is touched instead.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "memory_regions.h"

namespace {

using memory::holds_marks;
using memory::holds_zeros;
using memory::kMb;
using memory::kPage;
using memory::mark_of;
using memory::Region;
using memory::write_all;

memory::Regions regions;

bool touch(std::size_t bytes, int advice = MADV_NOHUGEPAGE) {
    if (!regions.make(bytes, 0, advice)) {
        return false;
    }
    write_all(regions.last());
    return holds_marks(regions.last());
}

bool touch_sparsely(std::size_t gigabytes, std::size_t megabytes) {
    const std::size_t size = gigabytes << 30U;
    if (!regions.make(size, MAP_NORESERVE)) {
        return false;
    }
    // A page of page tables for each page: a run of 64 in each place.
    const std::size_t run = 64 * kPage;
    const std::size_t places = megabytes * kMb / run;
    bool ok = true;
    for (std::size_t i = 0; i < places; ++i) {
        const Region part{regions.last().start + size / places / run * run * i, run};
        write_all(part);
        ok = holds_marks(part) && ok;
    }
    return ok;
}

/// A thread of many.
struct Toucher {
    Region region;
    std::latch* all_there;
    static void* run(void* argument) {
        const Toucher& mine = *static_cast<Toucher*>(argument);
        write_all(mine.region);
        mine.all_there->arrive_and_wait();
        return nullptr;
    }
};

bool touch_by_many(unsigned count, std::size_t bytes) {
    if (!regions.make(bytes)) {
        return false;
    }
    const std::size_t part = bytes / count / kPage * kPage;
    std::latch all_there(count);
    std::vector<Toucher> touchers;
    for (unsigned i = 0; i < count; ++i) {
        touchers.push_back({{regions.last().start + i * part, part}, &all_there});
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    std::vector<pthread_t> threads(count);
    int error = 0;
    unsigned made = 0;
    for (; made < count && error == 0; made += error == 0 ? 1 : 0) {
        error = pthread_create(&threads[made], &attributes, Toucher::run, &touchers[made]);
    }
    all_there.count_down(count - made);
    for (unsigned i = 0; i < made; ++i) {
        pthread_join(threads[i], nullptr);
    }
    errno = error;
    return error == 0 && holds_marks({regions.last().start, part * count});
}

bool lock_all(std::size_t bytes) {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 || !regions.make(bytes)) {
        return false;
    }
    write_all(regions.last());
    return munlockall() == 0 && holds_marks(regions.last());
}

/// Fills in the pages that somebody waits for, until its descriptor says that there are no more.
void serve_faults(int uffd, int stop) {
    alignas(8) static char page[kPage];
    pollfd wanted[] = {{uffd, POLLIN, 0}, {stop, POLLIN, 0}};
    while (poll(wanted, 2, -1) >= 0 && (wanted[1].revents & POLLIN) == 0) {
        uffd_msg message{};
        if (read(uffd, &message, sizeof message) != sizeof message ||
            message.event != UFFD_EVENT_PAGEFAULT) {
            continue;
        }
        const std::uintptr_t at = message.arg.pagefault.address / kPage * kPage;
        page[0] = page[kPage - 1] = mark_of(reinterpret_cast<char*>(at));
        uffdio_copy copy{};
        copy.dst = at;
        copy.src = reinterpret_cast<std::uintptr_t>(page);
        copy.len = kPage;
        ioctl(uffd, UFFDIO_COPY, &copy);
    }
}

bool fault_in_user_space(std::size_t bytes) {
    int uffd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    if (uffd < 0) {
        uffd = static_cast<int>(
            syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY));
    }
    if (uffd < 0) {
        return touch(bytes);
    }
    uffdio_api api{UFFD_API, 0, 0};
    int ends[2];
    if (!regions.make(bytes) || ioctl(uffd, UFFDIO_API, &api) != 0 || pipe(ends) != 0) {
        return false;
    }
    uffdio_register wish{};
    wish.range = {reinterpret_cast<std::uintptr_t>(regions.last().start), bytes};
    wish.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(uffd, UFFDIO_REGISTER, &wish) != 0) {
        return false;
    }
    std::thread server(serve_faults, uffd, ends[0]);
    const bool ok = holds_marks(regions.last());  // reads bring them
    const bool told = write(ends[1], "x", 1) == 1;
    server.join();
    close(uffd);
    close(ends[0]);
    close(ends[1]);
    return ok && told;
}

/// One read of a ring with one entry.
bool read_by_ring(int file, Region into) {
    io_uring_params parameters{};
    const int ring = static_cast<int>(syscall(SYS_io_uring_setup, 1, &parameters));
    if (ring < 0) {
        write_all(into);
        return true;
    }
    const std::size_t size = std::max<std::size_t>(
        parameters.sq_off.array + sizeof(std::uint32_t),
        parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe));
    char* const rings = static_cast<char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING));
    void* const entries = mmap(nullptr, sizeof(io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED,
                               ring, IORING_OFF_SQES);
    if (rings == MAP_FAILED || entries == MAP_FAILED) {
        return false;
    }
    auto* const entry = static_cast<io_uring_sqe*>(entries);
    std::size_t done = 0;
    while (done < into.size) {
        *entry = {};
        entry->opcode = IORING_OP_READ;
        entry->fd = file;
        entry->addr = reinterpret_cast<std::uintptr_t>(into.start + done);
        entry->len = static_cast<std::uint32_t>(into.size - done);
        *reinterpret_cast<std::uint32_t*>(rings + parameters.sq_off.array) = 0;
        auto* const tail =
            reinterpret_cast<std::atomic<std::uint32_t>*>(rings + parameters.sq_off.tail);
        tail->fetch_add(1);
        auto* const seen =
            reinterpret_cast<std::atomic<std::uint32_t>*>(rings + parameters.cq_off.head);
        unsigned to_submit = 1;
        const auto* const come =
            reinterpret_cast<std::atomic<std::uint32_t>*>(rings + parameters.cq_off.tail);
        while (come->load() == seen->load()) {
            const long submitted =
                syscall(SYS_io_uring_enter, ring, to_submit, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
            if (submitted < 0 && errno != EINTR) {
                return false;
            }
            to_submit -= submitted > 0 ? static_cast<unsigned>(submitted) : 0;
        }
        const auto* const completions =
            reinterpret_cast<io_uring_cqe*>(rings + parameters.cq_off.cqes);
        const std::int32_t got = completions[seen->load() & (parameters.cq_entries - 1)].res;
        seen->fetch_add(1);
        if (got <= 0 && got != -EINTR && got != -EAGAIN) {
            errno = got == 0 ? EIO : -got;
            return false;
        }
        done += static_cast<std::size_t>(std::max(got, 0));
    }
    munmap(rings, size);
    munmap(entries, sizeof(io_uring_sqe));
    return close(ring) == 0;
}

bool read_ring(std::size_t bytes) {
    const int zeros = open("/dev/zero", O_RDONLY);
    bool ok = zeros >= 0 && regions.make(bytes) && read_by_ring(zeros, regions.last());
    close(zeros);
    if (ok) {
        write_all(regions.last());
        ok = holds_marks(regions.last());
    }
    return ok;
}

/// The status of a child that does `work`.
template <class Work>
bool in_child(const Work& work) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(work() ? 0 : 1);
    }
    int status = 0;
    const pid_t ended = waitpid(child, &status, 0);
    return child > 0 && ended == child && status == 0;
}

bool copy_by_child(std::size_t bytes) {
    if (!regions.make(bytes)) {
        return false;
    }
    const Region region = regions.last();
    const pid_t parent = getpid();
    return in_child([&] {
               std::vector<char> part(kMb);
               for (std::size_t at = 0; at < region.size; at += kMb) {
                   for (std::size_t page = 0; page < kMb; page += kPage) {
                       part[page] = part[page + kPage - 1] = mark_of(region.start + at + page);
                   }
                   const iovec from{part.data(), kMb};
                   const iovec to{region.start + at, kMb};
                   if (process_vm_writev(parent, &from, 1, &to, 1, 0) != kMb) {
                       return false;
                   }
               }
               return true;
           }) &&
           holds_marks(region);
}

bool remap(std::size_t bytes) {
    const std::size_t part = bytes / 8;
    if (!regions.make(part)) {
        return false;
    }
    Region& region = regions.last();
    std::memset(region.start, 7, part);
    for (std::size_t size = 2 * part; size <= bytes; size += part) {
        void* const start = mremap(region.start, region.size, size, MREMAP_MAYMOVE);
        if (start == MAP_FAILED) {
            return false;
        }
        region = {static_cast<char*>(start), size};
        std::memset(region.start + size - part, 7, part);
    }
    errno = EIO;
    return std::all_of(region.start, region.start + region.size, [](char c) { return c == 7; });
}

// Not to be made a loop of.
__attribute__((noinline)) std::size_t go_down(std::size_t left) {
    volatile char frame[kPage];
    frame[0] = 1;
    frame[kPage - 1] = 1;
    if (left > kPage) {
        const std::size_t below = go_down(left - kPage);
        return below + static_cast<unsigned char>(frame[0]);
    }
    return static_cast<unsigned char>(frame[kPage - 1]);
}

bool fill_stack(std::size_t bytes) {
    if (!regions.make(bytes + kMb)) {
        return false;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, regions.last().start, regions.last().size);
    pthread_t thread;
    std::size_t depth = bytes;
    errno = pthread_create(
        &thread, &attributes,
        [](void* argument) -> void* {
            auto* const size = static_cast<std::size_t*>(argument);
            *size = go_down(*size);
            return nullptr;
        },
        &depth);
    if (errno != 0) {
        return false;
    }
    pthread_join(thread, nullptr);
    errno = EIO;
    return depth == bytes / kPage;
}

bool give_back(std::size_t bytes, int advice) {
    if (!regions.make(bytes)) {
        return false;
    }
    write_all(regions.last());
    const Region kept{regions.last().start, bytes / 2};
    const Region given{regions.last().start + bytes / 2, bytes / 2};
    if (madvise(given.start, given.size, advice) != 0 || !holds_marks(kept)) {
        return false;
    }
    return advice == MADV_FREE ||
           (advice == MADV_DONTNEED ? holds_zeros(given) : holds_marks(given));
}

__attribute__((noinline)) bool make_vfork() {
    const pid_t child = vfork();
    if (child == 0) {
        execlp("true", "true", nullptr);
        _exit(1);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && status == 0;
}

bool make_vforks(std::size_t count) {
    bool ok = true;
    for (std::size_t i = 0; i < count && ok; ++i) {
        ok = make_vfork();
    }
    return ok;
}

/// SIGCHLD is ignored, so that it interrupts nothing.
bool wait_with_children(std::size_t count) {
    const int epoll = epoll_create1(0);
    bool ok = epoll >= 0;
    for (std::size_t i = 0; i < count && ok; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            usleep(20'000);
            _exit(0);
        }
        epoll_event event{};
        ok = epoll_wait(epoll, &event, 1, 100) == 0;
        waitpid(child, nullptr, 0);
    }
    close(epoll);
    return ok;
}

bool filter_calls() {
    sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{1, allow_all};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool tell_range(const char* low, const char* high, const char* path) {
    char text[64] = {};
    const int file = open(path, O_RDONLY);
    const bool ok = file >= 0 && read(file, text, sizeof text - 1) > 0;
    close(file);
    const double value = std::atof(text) / static_cast<double>(kMb);
    if (ok && value >= std::atof(low) && value <= std::atof(high)) {
        std::printf("%s: between %s and %s MB\n", path, low, high);
    } else if (ok) {
        std::printf("%s: %.1f MB\n", path, value);
    }
    return ok;
}

struct Step {
    std::size_t arguments;
    bool (*make)(char** arguments);
};

std::size_t number(const char* text) { return static_cast<std::size_t>(std::atoi(text)); }
std::size_t size(const char* text) { return number(text) * kMb; }

const std::map<std::string, Step> steps = {
    {"anon", {1, [](char** a) { return touch(size(a[0])); }}},
    {"huge", {1, [](char** a) { return touch(size(a[0]), MADV_HUGEPAGE); }}},
    {"sparse", {2, [](char** a) { return touch_sparsely(number(a[0]), number(a[1])); }}},
    {"many",
     {2, [](char** a) { return touch_by_many(static_cast<unsigned>(number(a[0])), size(a[1])); }}},
    {"lockall", {1, [](char** a) { return lock_all(size(a[0])); }}},
    {"userfault", {1, [](char** a) { return fault_in_user_space(size(a[0])); }}},
    {"ring", {1, [](char** a) { return read_ring(size(a[0])); }}},
    {"copied", {1, [](char** a) { return copy_by_child(size(a[0])); }}},
    {"remap", {1, [](char** a) { return remap(size(a[0])); }}},
    {"stack", {1, [](char** a) { return fill_stack(size(a[0])); }}},
    {"dontneed", {1, [](char** a) { return give_back(size(a[0]), MADV_DONTNEED); }}},
    {"free", {1, [](char** a) { return give_back(size(a[0]), MADV_FREE); }}},
    {"pageout", {1, [](char** a) { return give_back(size(a[0]), MADV_PAGEOUT); }}},
    {"drop", {0, [](char**) { return regions.drop(); }}},
    {"vforks", {1, [](char** a) { return make_vforks(number(a[0])); }}},
    {"waits", {1, [](char** a) { return wait_with_children(number(a[0])); }}},
    {"filter", {0, [](char**) { return filter_calls(); }}},
    {"user", {1, [](char** a) { return setuid(static_cast<uid_t>(number(a[0]))) == 0; }}},
    {"between", {3, [](char** a) { return tell_range(a[0], a[1], a[2]); }}},
};

}  // namespace

int main(int argc, char** argv) {
    for (int at = 1; at < argc;) {
        const std::string name = argv[at];
        const auto found = steps.find(name);
        if (found == steps.end() || at + static_cast<int>(found->second.arguments) >= argc) {
            std::fprintf(stderr, "oddmem: %s: what is that?\n", name.c_str());
            return 2;
        }
        std::string told = name;
        for (std::size_t i = 1; i <= found->second.arguments; ++i) {
            told += std::string(" ") + argv[static_cast<std::size_t>(at) + i];
        }
        const bool ok = found->second.make(argv + at + 1);
        if (!ok || name != "between") {
            std::printf("%s: %s\n", told.c_str(), ok ? "ok" : std::strerror(errno));
        }
        std::fflush(stdout);
        at += 1 + static_cast<int>(found->second.arguments);
    }
}
