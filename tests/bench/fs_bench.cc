// SPDX-License-Identifier: MIT
//
// How long a request takes: the null daemon, the adapter over a fake tree, mounts of memcgfs that
// are given by path, and the kernel's own cgroupfs, in turns, so that a drift of the machine's
// speed meets all of them alike. Medians in microseconds, and their ratios.
//
// usage: fs_bench [--rounds N] [NAME=HIERARCHY_DIRECTORY_OF_A_MEMCGFS_MOUNT...]
//
// In the real cgroupfs it makes a group named memcgfs-bench-PID, one inside and removes them again,
// and touches nothing else.
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/null_daemon.h"
#include "memcgfs/fuse/caller_rights.h"
#include "memcgfs/fuse/session.h"
#include "memcgfs/vfs/tree.h"
#include "unit/fuse/test_runner.h"
#include "unit/vfs/fake_provider.h"

namespace memcgfs::bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kFileCallsInRound = 200;
constexpr int kDirectoryCallsInRound = 20;

enum class Call : std::uint8_t { kRead, kReadStat, kWrite, kMkdir, kRmdir, kCount };
constexpr std::size_t kCalls = static_cast<std::size_t>(Call::kCount);
constexpr std::array<const char*, kCalls> kCallNames = {"read", "read stat", "write", "mkdir",
                                                        "rmdir"};

/// One tree to measure. An empty path: that call is left out.
struct Target {
    std::string name;
    std::string file;       ///< to open, read and close
    std::string stat_file;  ///< the same, of some hundred bytes
    std::string limit;      ///< of a group that is there: to open, write and close
    std::string directory;  ///< to make and remove
    std::array<std::vector<double>, kCalls> micros{};

    std::vector<double>& of(Call call) { return micros[static_cast<std::size_t>(call)]; }
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
    fuse::ProcCallerRights rights;
    options.rights = &rights;
    auto session = fuse::Session::create(tree, runner, options, logger);
    return session.ok() && (*session)->run().ok();
}

/// The first of the names that is in `directory`; empty if none is.
std::string one_of(const std::string& directory, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (::access((directory + "/" + name).c_str(), F_OK) == 0) {
            return directory + "/" + name;
        }
    }
    return {};
}

/// A group for as long as this lives; no path if it cannot be made.
class Group {
public:
    explicit Group(const std::string& hierarchy)
        : path_(hierarchy + "/memcgfs-bench-" + std::to_string(::getpid())) {
        if (::mkdir(path_.c_str(), 0755) != 0) {
            path_.clear();
        }
    }
    ~Group() {
        if (!path_.empty()) {
            ::rmdir(path_.c_str());
        }
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

Target target_in(std::string name, const std::string& hierarchy, const Group& group) {
    Target target;
    target.name = std::move(name);
    target.stat_file = one_of(hierarchy, {"memory.stat"});
    if (!group.path().empty()) {
        target.file = one_of(group.path(), {"memory.usage_in_bytes", "memory.current"});
        target.limit = one_of(group.path(), {"memory.limit_in_bytes", "memory.max", "fake.value"});
        target.directory = group.path() + "/made";
    }
    if (target.file.empty()) {
        target.file = one_of(hierarchy, {"fake.value", kNullFile});
    }
    if (target.limit.empty()) {
        target.limit = one_of(hierarchy, {kNullFile});
    }
    return target;
}

/// Where the kernel's own memory controller is mounted.
std::optional<std::string> real_hierarchy() {
    constexpr long kCgroupMagic = 0x27e0eb;
    constexpr long kCgroup2Magic = 0x63677270;
    for (const char* path : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        struct statfs status{};
        if (::statfs(path, &status) == 0 &&
            (status.f_type == kCgroupMagic || status.f_type == kCgroup2Magic)) {
            return path;
        }
    }
    return std::nullopt;
}

void read_once(const std::string& file) {
    char buffer[16384];
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::read(fd, buffer, sizeof(buffer)) < 0) {
        fail(file + " cannot be read");
    }
    ::close(fd);
}

void write_once(const std::string& file) {
    constexpr std::string_view kText = "1073741824\n";
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, kText.data(), kText.size()) < 0) {
        fail(file + " cannot be written");
    }
    ::close(fd);
}

template <class Function>
void measure(std::vector<double>& micros, Function function) {
    const auto start = SteadyClock::now();
    function();
    micros.push_back(micros_since(start));
}

void measure_round(Target& target) {
    for (int i = 0; i < kFileCallsInRound; i++) {
        measure(target.of(Call::kRead), [&] { read_once(target.file); });
    }
    for (int i = 0; i < kFileCallsInRound && !target.stat_file.empty(); i++) {
        measure(target.of(Call::kReadStat), [&] { read_once(target.stat_file); });
    }
    for (int i = 0; i < kFileCallsInRound && !target.limit.empty(); i++) {
        measure(target.of(Call::kWrite), [&] { write_once(target.limit); });
    }
    for (int i = 0; i < kDirectoryCallsInRound && !target.directory.empty(); i++) {
        const char* const path = target.directory.c_str();
        int status = 0;
        measure(target.of(Call::kMkdir), [&] { status |= ::mkdir(path, 0755); });
        measure(target.of(Call::kRmdir), [&] { status |= ::rmdir(path); });
        if (status != 0) {
            fail(target.directory + " cannot be made and removed");
        }
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

void print_row(Target& target, Target& null, Target* real) {
    fmt::print("{:<10}", target.name);
    for (std::size_t call = 0; call < kCalls; call++) {
        const double value = median(target.micros[call]);
        const double real_value = real != nullptr ? median(real->micros[call]) : 0;
        fmt::print("{:>10.2f} {:>6} {:>6}", value, ratio(value, median(null.micros[call])),
                   ratio(value, real_value));
    }
    fmt::print("\n");
}

using Trees = std::vector<std::pair<std::string, std::string>>;  // names and paths

void run(int rounds, const Trees& mounts) {
    const ForkedMount null_mount([](const std::string& path) { return serve_null_tree(path); });
    const ForkedMount fake_mount([](const std::string& path) { return serve_fake_tree(path); });
    Trees trees = {{"null", null_mount.path()}, {"adapter", fake_mount.path()}};
    trees.insert(trees.end(), mounts.begin(), mounts.end());
    const auto real = real_hierarchy();
    if (real) {
        trees.emplace_back("cgroupfs", *real);
    }
    std::vector<std::unique_ptr<Group>> groups;
    std::vector<Target> targets;
    for (const auto& [name, path] : trees) {
        groups.push_back(std::make_unique<Group>(path));
        targets.push_back(target_in(name, path, *groups.back()));
        if (targets.back().file.empty()) {
            fail(path + " has no file to read");
        }
    }
    for (int round = 0; round < rounds; round++) {
        for (Target& target : targets) {
            measure_round(target);
        }
    }
    fmt::print(
        "medians of {} (directories {}) calls, us; and as a multiple of the null daemon's "
        "and of cgroupfs's\n{:<10}",
        rounds * kFileCallsInRound, rounds * kDirectoryCallsInRound, "tree");
    for (const char* name : kCallNames) {
        fmt::print("{:>10} {:>6} {:>6}", name, "/null", "/cgrp");
    }
    fmt::print("\n");
    for (Target& target : targets) {
        print_row(target, targets.front(), real ? &targets.back() : nullptr);
    }
}

}  // namespace

}  // namespace memcgfs::bench

int main(int argc, char** argv) {
    int rounds = 50;
    memcgfs::bench::Trees mounts;
    for (int i = 1; i < argc; i++) {
        const std::string argument = argv[i];
        if (argument == "--rounds" && i + 1 < argc) {
            rounds = std::max(1, std::atoi(argv[++i]));
        } else {
            const std::size_t sign = argument.find('=');
            mounts.emplace_back(sign == std::string::npos ? "memcgfs" : argument.substr(0, sign),
                                sign == std::string::npos ? argument : argument.substr(sign + 1));
        }
    }
    try {
        memcgfs::bench::run(rounds, mounts);
    } catch (const std::exception& error) {
        fmt::print(stderr, "fs_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
