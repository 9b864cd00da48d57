// SPDX-License-Identifier: MIT
//
// Writes patterns into memory that is a multiple of what its group may have, from many threads, and
// looks at each byte again.
//
//   evictstress THREADS MEGABYTES PAGES SEED     so many pages each are looked at and written anew
//   evictstress ACT [ARGUMENTS]                  one thing (the table at the end)
//
// Each thread has a part of the memory. It prints how often it did what, or the first page that is
// wrong. Exit status: 0 all was right, 1 not, 2 usage.
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kWords = kPage / sizeof(std::uint64_t);

[[noreturn]] void die(const char* what, std::size_t page, std::uint64_t seen,
                      std::uint64_t wanted) {
    std::fprintf(stderr, "WRONG: %s, page %zu: %llx for %llx\n", what, page,
                 static_cast<unsigned long long>(seen), static_cast<unsigned long long>(wanted));
    _exit(1);
}

void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "failed: %s: %s\n", what, std::strerror(errno));
        _exit(1);
    }
}

char* map_pages(std::size_t pages) {
    void* const start =
        mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(start != MAP_FAILED, "mmap");
    return static_cast<char*>(start);
}

std::uint64_t word_of(std::uint64_t stamp, std::size_t word) {
    return stamp == 0 ? 0 : stamp * 0x9E3779B97F4A7C15U + word;
}

void write_page(char* page, std::uint64_t stamp) {
    auto* const words = reinterpret_cast<std::uint64_t*>(page);
    for (std::size_t word = 0; word < kWords; ++word) {
        words[word] = word_of(stamp, word);
    }
}

void verify_page(const char* page, std::uint64_t stamp, const char* what, std::size_t number) {
    const auto* const words = reinterpret_cast<const std::uint64_t*>(page);
    for (std::size_t word = 0; word < kWords; ++word) {
        if (words[word] != word_of(stamp, word)) {
            die(what, number, words[word], word_of(stamp, word));
        }
    }
}

/// Memory of which each page has a stamp: what was written to it last.
struct Area {
    explicit Area(std::size_t pages) : start(map_pages(pages)), stamps(pages) {}
    char* at(std::size_t page) const { return start + page * kPage; }
    void write(std::size_t page, std::uint64_t stamp) {
        write_page(at(page), stamp);
        stamps[page] = stamp;
    }
    void verify(std::size_t page, const char* what) const {
        verify_page(at(page), stamps[page], what, page);
    }
    void verify_all(const char* what) const {
        for (std::size_t page = 0; page < stamps.size(); ++page) {
            verify(page, what);
        }
    }
    void fill(std::uint64_t seed) {
        for (std::size_t page = 0; page < stamps.size(); ++page) {
            write(page, seed + page + 1);
        }
    }
    char* start;
    std::vector<std::uint64_t> stamps;
};

/// One thread of the stress.
class Worker {
public:
    Worker(std::size_t pages, std::uint64_t seed) : area_(pages), random_(seed), seed_(seed) {
        check(pipe(pipe_) == 0, "pipe");
    }
    void work(std::size_t turns) {
        area_.fill(seed_ << 32U);
        for (std::size_t turn = 0; turn < turns; ++turn) {
            step(turn);
        }
        area_.verify_all("at the end");
    }

private:
    std::size_t any_page() { return random_() % area_.stamps.size(); }
    std::uint64_t next_stamp() { return (seed_ << 32U) + area_.stamps.size() + ++stamps_given_; }

    void step(std::size_t turn) {
        const std::size_t page = any_page();
        switch (random_() % 64) {
            case 0:
                drop(page, MADV_DONTNEED);
                break;
            case 1:
                free_lazily(page);
                break;
            case 2:
                unmap(page);
                break;
            case 3:
                move(page);
                break;
            case 4:
                if (turn % 4 == 0) {
                    fork_and_look();
                }
                break;
            case 5:
                madvise(area_.at(page), kPage, MADV_PAGEOUT);
                area_.verify(page, "after MADV_PAGEOUT");
                break;
            case 6:
            case 7:
            case 8:
            case 9:
                through_pipe(page);
                break;
            default:
                area_.verify(page, "as it was");
                area_.write(page, next_stamp());
        }
    }
    std::size_t run_from(std::size_t page) {
        return std::min<std::size_t>(1 + random_() % 8, area_.stamps.size() - page);
    }
    void forget(std::size_t page, std::size_t count) {
        std::fill_n(area_.stamps.begin() + static_cast<std::ptrdiff_t>(page), count, 0);
    }
    void drop(std::size_t page, int advice) {
        const std::size_t count = run_from(page);
        check(madvise(area_.at(page), count * kPage, advice) == 0, "madvise");
        forget(page, count);
        area_.verify(page, "dropped");
    }
    /// Either what it was or nothing.
    void free_lazily(std::size_t page) {
        area_.verify(page, "to be freed");
        check(madvise(area_.at(page), kPage, MADV_FREE) == 0, "MADV_FREE");
        if (*reinterpret_cast<std::uint64_t*>(area_.at(page)) == 0) {
            area_.stamps[page] = 0;
        }
        area_.verify(page, "freed");
        area_.write(page, next_stamp());
        area_.verify(page, "after it was freed");
    }
    void unmap(std::size_t page) {
        const std::size_t count = run_from(page);
        const std::lock_guard<std::mutex> lock(mapping);  // else another is given the place
        check(munmap(area_.at(page), count * kPage) == 0, "munmap");
        void* const again = mmap(area_.at(page), count * kPage, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        check(again == area_.at(page), "mmap");
        forget(page, count);
        area_.verify(page, "mapped anew");
    }
    void move(std::size_t page) {
        const std::lock_guard<std::mutex> lock(mapping);
        const std::size_t count = run_from(page);
        char* const other = map_pages(count);
        write_page(other, 7);
        void* const moved = mremap(area_.at(page), count * kPage, count * kPage,
                                   MREMAP_MAYMOVE | MREMAP_FIXED, other);
        check(moved == other, "mremap");
        for (std::size_t each = 0; each < count; ++each) {
            verify_page(other + each * kPage, area_.stamps[page + each], "moved", page + each);
        }
        // And back.
        check(mremap(other, count * kPage, count * kPage, MREMAP_MAYMOVE | MREMAP_FIXED,
                     area_.at(page)) == area_.at(page),
              "mremap back");
        area_.verify(page, "moved back");
    }
    void fork_and_look() {
        const pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            for (int turn = 0; turn < 64; ++turn) {
                const std::size_t page = any_page();
                area_.verify(page, "in the child");
                area_.write(page, next_stamp());
                area_.verify(page, "written by the child");
            }
            _exit(0);
        }
        for (int turn = 0; turn < 16; ++turn) {
            const std::size_t page = any_page();
            area_.verify(page, "in the parent");
            area_.write(page, next_stamp());
        }
        int status = 0;
        check(waitpid(child, &status, 0) == child, "waitpid");
        if (status != 0) {
            std::fprintf(stderr, "a child ended with status %x\n", static_cast<unsigned>(status));
            _exit(1);
        }
    }
    /// The kernel reads it, and writes to another.
    void through_pipe(std::size_t page) {
        const std::size_t other = any_page();
        check(::write(pipe_[1], area_.at(page), kPage) == static_cast<ssize_t>(kPage), "write");
        for (std::size_t done = 0; done < kPage;) {
            const ssize_t size = ::read(pipe_[0], area_.at(other) + done, kPage - done);
            check(size > 0, "read");
            done += static_cast<std::size_t>(size);
        }
        area_.stamps[other] = area_.stamps[page];
        area_.verify(other, "through a pipe");
    }

    static inline std::mutex mapping;
    Area area_;
    std::mt19937_64 random_;
    const std::uint64_t seed_;
    std::uint64_t stamps_given_ = 0;
    int pipe_[2]{};
};

int stress(std::size_t threads, std::size_t megabytes, std::size_t turns, std::uint64_t seed) {
    const std::size_t pages = (megabytes << 20U) / kPage / threads;
    std::vector<std::thread> all;
    for (std::size_t number = 0; number < threads; ++number) {
        all.emplace_back([=] { Worker(pages, seed * 64 + number + 1).work(turns); });
    }
    for (std::thread& each : all) {
        each.join();
    }
    std::printf("%zu threads, %zu turns each: all bytes right\n", threads, turns);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 5) {
        return stress(std::stoul(argv[1]), std::stoul(argv[2]), std::stoul(argv[3]),
                      std::stoul(argv[4]));
    }
    std::fprintf(stderr, "usage: evictstress THREADS MEGABYTES PAGES SEED\n");
    return 2;
}
