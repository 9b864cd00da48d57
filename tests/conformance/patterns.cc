// SPDX-License-Identifier: MIT
//
// Threads that write patterns to memory of their own, again and again, and find every byte as they
// left it, whatever is done to them meanwhile; for conformance cases, on memcgfs and on a kernel.
//
//   patterns THREADS MB ROUNDS
//
// Each thread has its part of so many MB. In a round it goes through its pages in an order of its
// own: what the round before has left is checked, the next pattern written. Between pages it gives
// a piece back (MADV_DONTNEED) and finds zeros, sends a piece through a pipe, forks a child that
// checks a piece, maps and unmaps, or waits in epoll_wait(2) and nanosleep(2), which nothing
// interrupts.
//
// Prints "patterns THREADS MB ROUNDS: ok", or what was wrong first; then the status is 1.
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "memory_regions.h"

namespace {

using memory::kMb;
using memory::kPage;
using memory::Region;

std::atomic<const char*> wrong = nullptr;

void expect(bool condition, const char* what) {
    const char* nothing = nullptr;
    if (!condition) {
        wrong.compare_exchange_strong(nothing, what);
    }
}

using Page = std::array<std::uint64_t, kPage / sizeof(std::uint64_t)>;

class Writer {
public:
    Writer(unsigned number, Region region)
        : random_(number),
          region_(region),
          written_(region.size / kPage, 0),
          order_(written_.size()) {
        std::iota(order_.begin(), order_.end(), 0);
    }

    void run(unsigned rounds) {
        for (unsigned round = 1; round <= rounds && wrong == nullptr; ++round) {
            std::shuffle(order_.begin(), order_.end(), random_);
            for (const std::size_t page : order_) {
                check(page);
                write(page, round);
                if (random_() % kSeldom == 0) {
                    disturb();
                }
            }
        }
        for (const std::size_t page : order_) {
            check(page);
        }
    }

private:
    static constexpr unsigned kSeldom = 256;
    static constexpr std::size_t kPiece = 8;  // pages; what a pipe holds at least

    Page& page_at(std::size_t page) const {
        return *reinterpret_cast<Page*>(region_.start + page * kPage);
    }
    static std::uint64_t word(std::size_t page, unsigned round, std::size_t i) {
        return (page << 32U ^ round << 16U ^ i) * 0x9E3779B97F4A7C15U;
    }
    bool holds(const Page& content, std::size_t page) const {
        const unsigned round = written_[page];
        for (std::size_t i = 0; i < content.size(); ++i) {
            if (content[i] != (round == 0 ? 0 : word(page, round, i))) {
                return false;
            }
        }
        return true;
    }
    void check(std::size_t page) { expect(holds(page_at(page), page), "a page has changed"); }
    void write(std::size_t page, unsigned round) {
        Page& content = page_at(page);
        for (std::size_t i = 0; i < content.size(); ++i) {
            content[i] = word(page, round, i);
        }
        written_[page] = round;
    }

    void disturb() {
        const std::size_t first = random_() % (written_.size() - kPiece);
        switch (random_() % 6) {
            case 0:
                madvise(region_.start + first * kPage, kPiece * kPage, MADV_DONTNEED);
                std::fill_n(written_.begin() + static_cast<std::ptrdiff_t>(first), kPiece, 0);
                break;
            case 1:
                send(first);
                break;
            case 2:
                check_in_child(first);
                break;
            case 3:
                map_another();
                break;
            case 4:
                wait_for_nothing();
                break;
            default:
                sleep_a_little();
        }
    }
    void send(std::size_t first) {
        int ends[2];
        std::vector<Page> got(kPiece);
        const std::size_t size = kPiece * kPage;
        if (pipe(ends) != 0) {
            return;
        }
        // A pipe has room for it, unless its user has many; what is written is there to be read.
        const ssize_t sent = ::write(ends[1], region_.start + first * kPage, size);
        close(ends[1]);
        ssize_t there = 0;
        while (there < sent) {
            const ssize_t more = read(ends[0], reinterpret_cast<char*>(got.data()) + there,
                                      static_cast<std::size_t>(sent - there));
            if (more <= 0) {
                break;
            }
            there += more;
        }
        close(ends[0]);
        expect(sent > 0 && there == sent, "a pipe has lost something");
        for (std::size_t i = 0; i < static_cast<std::size_t>(there) / kPage; ++i) {
            expect(holds(got[i], first + i), "a pipe has changed something");
        }
    }
    void check_in_child(std::size_t first) {
        const pid_t child = fork();
        if (child == 0) {
            bool ok = true;
            for (std::size_t page = first; page < first + kPiece; ++page) {
                ok = ok && holds(page_at(page), page);
                std::memset(region_.start + page * kPage, 1, kPage);  // the child's own copy
            }
            _exit(ok ? 0 : 1);
        }
        int status = 0;
        expect(child > 0 && waitpid(child, &status, 0) == child, "a child is lost");
        expect(status == 0, "a child has seen other contents");
    }
    static void map_another() {
        memory::Regions another;
        if (another.make(64 * kPage)) {
            memory::write_all(another.last());
            expect(memory::holds_marks(another.last()), "a new page has changed");
            another.drop();
        }
    }
    static void wait_for_nothing() {
        const int epoll = epoll_create1(0);
        epoll_event event{};
        expect(epoll_wait(epoll, &event, 1, 2) == 0, "epoll_wait was interrupted");
        close(epoll);
    }
    static void sleep_a_little() {
        const timespec time{0, 1'000'000};
        expect(nanosleep(&time, nullptr) == 0, "nanosleep was interrupted");
    }

    std::minstd_rand random_;
    Region region_;
    std::vector<unsigned> written_;
    std::vector<std::size_t> order_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        return 2;
    }
    const auto count = static_cast<unsigned>(std::atoi(argv[1]));
    const std::size_t size =
        static_cast<std::size_t>(std::atoi(argv[2])) * kMb / count / kPage * kPage;
    memory::Regions regions;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count && regions.make(size); ++i) {
        threads.emplace_back([i, region = regions.last(), rounds = std::atoi(argv[3])] {
            Writer(i + 1, region).run(static_cast<unsigned>(rounds));
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    expect(threads.size() == count, "there is no room");
    std::printf("patterns %s %s %s: %s\n", argv[1], argv[2], argv[3], wrong ? wrong.load() : "ok");
    return wrong ? 1 : 0;
}
