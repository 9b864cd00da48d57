// SPDX-License-Identifier: MIT
//
// How long a request takes: the null daemon, the adapter over a fake tree, a mount of memcgfs that
// is given by path, and the kernel's own cgroupfs, in turns, so that a drift of the machine's
// speed meets all of them alike. Medians in microseconds, and their ratios.
//
// usage: fs_bench [--rounds N] [HIERARCHY_DIRECTORY_OF_A_MEMCGFS_MOUNT]
//
// In the real cgroupfs it makes and removes groups named memcgfs-bench-PID and nothing else.
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/null_daemon.h"
#include "memcgfs/fuse/session.h"
#include "memcgfs/vfs/tree.h"
#include "unit/fuse/test_runner.h"
#include "unit/vfs/fake_provider.h"

namespace memcgfs::bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kReadsInRound = 200;
constexpr int kMkdirsInRound = 20;

/// One tree to measure.
struct Target {
    std::string name;
    std::string file;       ///< to open, read and close
    std::string directory;  ///< to make and remove; empty if it may not
    std::vector<double> read_micros{};
    std::vector<double> mkdir_micros{};
};

double micros_since(SteadyClock::time_point start) {
    return std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count();
}

/// Ends the run from wherever it is, so that what was mounted is unmounted.
[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

/// A tree served by a forked child on a temporary directory.
class ForkedMount {
public:
    template <class Serve>
    explicit ForkedMount(Serve serve) {
        std::string pattern = "/tmp/memcgfs-bench-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) {
            fail("no temporary directory can be made");
        }
        path_ = pattern;
        struct stat before{};
        ::stat(path_.c_str(), &before);
        child_ = ::fork();
        if (child_ == 0) {
            std::_Exit(serve(path_) ? 0 : 1);
        }
        struct stat now = before;
        while (now.st_dev == before.st_dev) {
            if (::waitpid(child_, nullptr, WNOHANG) == child_) {
                ::rmdir(path_.c_str());
                fail("a FUSE file system cannot be mounted here");
            }
            ::usleep(1000);
            ::stat(path_.c_str(), &now);
        }
    }
    ~ForkedMount() {
        ::umount2(path_.c_str(), MNT_DETACH);
        ::waitpid(child_, nullptr, 0);
        ::rmdir(path_.c_str());
    }
    ForkedMount(const ForkedMount&) = delete;
    ForkedMount& operator=(const ForkedMount&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
    pid_t child_ = -1;
};

bool serve_fake_tree(const std::string& mount_point) {
    vfs::testing::FakeProvider provider;
    vfs::Tree tree(
        provider, [] { return timespec{}; },
        vfs::Tree::Options{.root = vfs::testing::FakeProvider::kRoot});
    fuse::testing::TestRunner runner;
    spdlog::logger logger("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
    fuse::Session::Options options;
    options.mount_point = mount_point;
    auto session = fuse::Session::create(tree, runner, options, logger);
    return session.ok() && (*session)->run().ok();
}

/// The first of the files, each tiny, that a hierarchy of either version has.
std::optional<std::string> file_in(const std::string& hierarchy) {
    for (const char* name : {"/memory.usage_in_bytes", "/memory.current", "/cgroup.max.depth",
                             "/cgroup.controllers", "/fake.value"}) {
        if (::access((hierarchy + name).c_str(), R_OK) == 0) {
            return hierarchy + name;
        }
    }
    return std::nullopt;
}

std::string group_in(const std::string& hierarchy) {
    const std::string group = hierarchy + "/memcgfs-bench-" + std::to_string(::getpid());
    if (::mkdir(group.c_str(), 0755) != 0) {
        return {};
    }
    ::rmdir(group.c_str());
    return group;
}

/// The kernel's own file system, if it can be read.
std::optional<Target> real_target() {
    constexpr long kCgroupMagic = 0x27e0eb;
    constexpr long kCgroup2Magic = 0x63677270;
    for (const char* path : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        struct statfs status{};
        if (::statfs(path, &status) != 0 ||
            (status.f_type != kCgroupMagic && status.f_type != kCgroup2Magic)) {
            continue;
        }
        if (const auto file = file_in(path)) {
            return Target{"cgroupfs", *file, group_in(path)};
        }
    }
    return std::nullopt;
}

void measure_reads(Target& target) {
    char buffer[4096];
    for (int i = 0; i < kReadsInRound; i++) {
        const auto start = SteadyClock::now();
        const int fd = ::open(target.file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || ::read(fd, buffer, sizeof(buffer)) < 0) {
            fail(target.file + " cannot be read");
        }
        ::close(fd);
        target.read_micros.push_back(micros_since(start));
    }
}

void measure_mkdirs(Target& target) {
    for (int i = 0; i < kMkdirsInRound && !target.directory.empty(); i++) {
        const auto start = SteadyClock::now();
        if (::mkdir(target.directory.c_str(), 0755) != 0 ||
            ::rmdir(target.directory.c_str()) != 0) {
            fail(target.directory + " cannot be made and removed");
        }
        target.mkdir_micros.push_back(micros_since(start));
    }
}

/// The middle value; 0 if there is none.
double median(std::vector<double> values) {
    if (values.empty()) {
        return 0;
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

std::string ratio(double value, double base) {
    return value > 0 && base > 0 ? fmt::format("{:.2f}", value / base) : "-";
}

void print_row(const Target& target, const Target& null, const Target* real) {
    const double read = median(target.read_micros);
    const double mkdir = median(target.mkdir_micros);
    const double real_read = real != nullptr ? median(real->read_micros) : 0;
    const double real_mkdir = real != nullptr ? median(real->mkdir_micros) : 0;
    fmt::print("{:<10} {:>16.2f} {:>8} {:>8} {:>14.2f} {:>8} {:>8}\n", target.name, read,
               ratio(read, median(null.read_micros)), ratio(read, real_read), mkdir,
               ratio(mkdir, median(null.mkdir_micros)), ratio(mkdir, real_mkdir));
}

void run(int rounds, const std::string& memcgfs_path) {
    const ForkedMount null_mount([](const std::string& path) { return serve_null_tree(path); });
    const ForkedMount fake_mount([](const std::string& path) { return serve_fake_tree(path); });
    std::vector<Target> targets;
    targets.push_back({"null", null_mount.path() + "/" + kNullFile, group_in(null_mount.path())});
    targets.push_back({"adapter", fake_mount.path() + "/fake.value", group_in(fake_mount.path())});
    if (!memcgfs_path.empty()) {
        const auto file = file_in(memcgfs_path);
        if (!file) {
            fail(memcgfs_path + " is no directory of a memcgfs hierarchy");
        }
        targets.push_back({"memcgfs", *file, group_in(memcgfs_path)});
    }
    const auto real = real_target();
    if (real) {
        targets.push_back(*real);
    }
    for (int round = 0; round < rounds; round++) {
        for (Target& target : targets) {
            measure_reads(target);
            measure_mkdirs(target);
        }
    }
    fmt::print("medians of {} and {} samples, us\n", rounds * kReadsInRound,
               rounds * kMkdirsInRound);
    fmt::print("{:<10} {:>16} {:>8} {:>8} {:>14} {:>8} {:>8}\n", "tree", "open+read+close", "/null",
               "/cgroup", "mkdir+rmdir", "/null", "/cgroup");
    for (const Target& target : targets) {
        print_row(target, targets.front(), real ? &targets.back() : nullptr);
    }
}

}  // namespace

}  // namespace memcgfs::bench

int main(int argc, char** argv) {
    int rounds = 50;
    std::string path;
    for (int i = 1; i < argc; i++) {
        const std::string argument = argv[i];
        if (argument == "--rounds" && i + 1 < argc) {
            rounds = std::max(1, std::atoi(argv[++i]));
        } else {
            path = argument;
        }
    }
    try {
        memcgfs::bench::run(rounds, path);
    } catch (const std::exception& error) {
        fmt::print(stderr, "fs_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
