// SPDX-License-Identifier: MIT
//
// Uses of a regular file that no shell can make; for conformance cases, on memcgfs and on a kernel.
//
//   fileuse map FILE PAGES              writes through a shared mapping, reads with read(2), and
//                                       the other way round
//   fileuse private FILE PAGES          the same of a private one, which the file must not see
//   fileuse punch FILE FIRST COUNT      a hole of so many pages
//   fileuse cut FILE PAGES              ftruncate(2)
//   fileuse unnamed DIR PAGES NAME      O_TMPFILE, which is then given the name
//   fileuse hold FILE COMMAND           runs a shell command with the file open
//   fileuse look FILE FIRST COUNT COMMAND     the same with so many pages of it mapped and read
//   fileuse locks FILE                  flock(2) and fcntl(2) locks of two descriptors
//   fileuse crowd FILE THREADS ROUNDS   threads write, read, cut: each byte is compared
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kPage = 4096;

/// "ok" or the error's name, of a call that gives a negative number for an error.
std::string answer(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

std::size_t pages(const char* text) { return std::strtoul(text, nullptr, 10) * kPage; }

char letter(std::size_t at) { return static_cast<char>('a' + at / kPage % 26); }

int map(const char* path, std::size_t size, int kind) {
    const int file = open(path, O_RDWR | O_CREAT, 0644);
    if (ftruncate(file, static_cast<off_t>(size)) != 0) {
        return 1;
    }
    void* const place = mmap(nullptr, size, PROT_READ | PROT_WRITE, kind, file, 0);
    if (place == MAP_FAILED) {
        std::printf("mmap: %s\n", answer(-1).c_str());
        return 1;
    }
    auto* const bytes = static_cast<char*>(place);
    for (std::size_t at = 0; at < size; at += kPage) {
        bytes[at] = letter(at);
    }
    if (kind == MAP_SHARED) {
        std::printf("msync: %s\n", answer(msync(place, size, MS_SYNC)).c_str());
    }
    std::size_t same = 0;
    for (std::size_t at = 0; at < size; at += kPage) {
        char byte = 0;
        same += pread(file, &byte, 1, static_cast<off_t>(at)) == 1 && byte == letter(at) ? 1 : 0;
    }
    std::printf("read(2) finds %zu of %zu\n", same, size / kPage);
    const bool wrote = pwrite(file, "*", 1, static_cast<off_t>(size - kPage)) == 1;
    std::printf("the mapping then has %c\n", wrote ? bytes[size - kPage] : '?');
    return 0;
}

int punch(const char* path, std::size_t first, std::size_t count) {
    const int file = open(path, O_RDWR);
    std::printf("fallocate: %s\n",
                answer(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 static_cast<off_t>(first), static_cast<off_t>(count)))
                    .c_str());
    return 0;
}

int unnamed(const char* directory, std::size_t size, const char* name) {
    const int file = open(directory, O_TMPFILE | O_RDWR, 0600);
    std::printf("open: %s\n", answer(file).c_str());
    const std::vector<char> bytes(size, 'u');
    std::printf("write: %s\n", answer(write(file, bytes.data(), size)).c_str());
    struct stat status{};
    fstat(file, &status);
    std::printf("%ld links\n", static_cast<long>(status.st_nlink));
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    std::printf("link: %s\n",
                answer(linkat(AT_FDCWD, path.c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW)).c_str());
    return 0;
}

int look(const char* path, std::size_t first, std::size_t size, const char* command) {
    const int file = open(path, O_RDONLY);
    void* const place = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, static_cast<off_t>(first));
    if (place == MAP_FAILED) {
        std::printf("mmap: %s\n", answer(-1).c_str());
        return 1;
    }
    const volatile char* const bytes = static_cast<char*>(place);
    for (std::size_t at = 0; at < size; at += kPage) {
        static_cast<void>(bytes[at]);
    }
    return system(command);
}

int locks(const char* path) {
    const int one = open(path, O_RDWR);
    const int other = open(path, O_RDWR);
    std::printf("flock: %s\n", answer(flock(one, LOCK_EX | LOCK_NB)).c_str());
    std::printf("flock again: %s\n", answer(flock(other, LOCK_EX | LOCK_NB)).c_str());
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_len = 10;
    std::printf("lock: %s\n", answer(fcntl(one, F_OFD_SETLK, &lock)).c_str());
    std::printf("lock again: %s\n", answer(fcntl(other, F_OFD_SETLK, &lock)).c_str());
    return 0;
}

/// A file that each thread has a part of, and what must be in it.
struct Crowd {
    static constexpr std::size_t kPart = 40 * kPage + 123;  // parts share pages

    Crowd(const char* path, std::size_t threads)
        : file(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644)), wanted(threads * kPart) {}

    /// What the file has not is zeros.
    bool agrees(std::size_t from, std::size_t size) const {
        std::vector<char> found(size);
        std::size_t done = 0;
        while (done < size) {
            const ssize_t part =
                pread(file, found.data() + done, size - done, static_cast<off_t>(from + done));
            if (part <= 0) {
                break;
            }
            done += static_cast<std::size_t>(part);
        }
        return std::memcmp(found.data(), wanted.data() + from, size) == 0;
    }
    void use(std::size_t thread, int rounds) {
        std::mt19937 random(static_cast<unsigned>(thread));
        for (int i = 0; i < rounds; i++) {
            const std::shared_lock lock(whole);
            const std::size_t size = random() % (3 * kPage) + 1;
            const std::size_t from = thread * kPart + random() % (kPart - size);
            if (random() % 2 == 0) {
                std::memset(wanted.data() + from, static_cast<int>(random() % 3), size);
                wrong += pwrite(file, wanted.data() + from, size, static_cast<off_t>(from)) ==
                                 static_cast<ssize_t>(size)
                             ? 0
                             : 1;
            }
            wrong += agrees(from, size) ? 0 : 1;
        }
    }
    void cut(int rounds) {
        std::mt19937 random(99);
        for (int i = 0; i < rounds; i++) {
            const std::unique_lock lock(whole);
            const std::size_t size = random() % wanted.size();
            wrong += ftruncate(file, static_cast<off_t>(size)) == 0 ? 0 : 1;
            std::fill(wanted.begin() + static_cast<std::ptrdiff_t>(size), wanted.end(), '\0');
        }
    }

    const int file;
    std::vector<char> wanted;
    std::shared_mutex whole;  // held alone by who cuts
    std::atomic<int> wrong = 0;
};

int crowd(const char* path, std::size_t threads, int rounds) {
    Crowd crowd(path, threads);
    std::vector<std::thread> all;
    for (std::size_t thread = 0; thread < threads; thread++) {
        all.emplace_back([&crowd, thread, rounds] { crowd.use(thread, rounds); });
    }
    all.emplace_back([&crowd, rounds] { crowd.cut(rounds / 20); });
    for (std::thread& thread : all) {
        thread.join();
    }
    const bool right = crowd.wrong == 0 && crowd.agrees(0, crowd.wanted.size());
    std::printf("each byte is right: %s\n", right ? "yes" : "NO");
    return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 2 ? argv[1] : "";
    const auto number = [&](int at) {
        return static_cast<int>(std::strtol(argv[at], nullptr, 10));
    };
    if (what == "map" && argc == 4) {
        return map(argv[2], pages(argv[3]), MAP_SHARED);
    }
    if (what == "private" && argc == 4) {
        return map(argv[2], pages(argv[3]), MAP_PRIVATE);
    }
    if (what == "punch" && argc == 5) {
        return punch(argv[2], pages(argv[3]), pages(argv[4]));
    }
    if (what == "cut" && argc == 4) {
        const int file = open(argv[2], O_RDWR);
        std::printf("ftruncate: %s\n",
                    answer(ftruncate(file, static_cast<off_t>(pages(argv[3])))).c_str());
        return 0;
    }
    if (what == "unnamed" && argc == 5) {
        return unnamed(argv[2], pages(argv[3]), argv[4]);
    }
    if (what == "hold" && argc == 4) {
        return open(argv[2], O_RDONLY) < 0 ? 1 : system(argv[3]);
    }
    if (what == "look" && argc == 6) {
        return look(argv[2], pages(argv[3]), pages(argv[4]), argv[5]);
    }
    if (what == "locks") {
        return locks(argv[2]);
    }
    if (what == "crowd" && argc == 5) {
        return crowd(argv[2], static_cast<std::size_t>(number(3)), number(4));
    }
    std::fprintf(stderr, "usage: see fileuse.cc\n");
    return 2;
}
