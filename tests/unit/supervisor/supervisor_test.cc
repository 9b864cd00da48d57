// SPDX-License-Identifier: MIT
//
// Real processes under a real filter; the answers are scripted.
#include "memcgfs/supervisor/supervisor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>

#include "memcgfs/supervisor/filter.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

/// Writes down what it is asked, a sentence each; refuses what is named "no".
class ScriptedMounts final : public MountAnswers {
public:
    Result<void> mount(const MountRequest& request) override {
        said = request.source + " " + request.options + " " + std::to_string(request.flags) + " " +
               (request.type == CgroupType::kCgroup ? "v1" : "v2");
        return request.source == "no" ? Err(Errno::kEBUSY) : Result<void>{};
    }
    Result<void> remount(const MountRequest& request) override {
        said = "again " + request.options;
        return {};
    }
    Result<void> unmount(const UnmountRequest& request) override {
        said = "unmount " + request.name + " " + std::to_string(request.flags);
        return {};
    }
    Result<std::unique_ptr<MountContext>> open_context(pid_t, CgroupType type) override {
        said = type == CgroupType::kCgroup ? "open v1" : "open v2";
        return std::unique_ptr<MountContext>(std::make_unique<Context>(said));
    }
    Result<std::unique_ptr<MountContext>> pick_context(pid_t, int) override {
        return Err(Errno::kEINVAL);
    }
    std::string said;

private:
    class Context final : public MountContext {
    public:
        explicit Context(std::string& said) : said_(said) {}
        Result<void> set(std::string_view key, std::optional<std::string_view> value) override {
            said_.append(" ").append(key).append(value ? "=" + std::string(*value) : "");
            return key == "no" ? Err(Errno::kEINVAL) : Result<void>{};
        }
        Result<void> create() override {
            said_ += " create";
            return {};
        }
        Result<void> reconfigure() override { return Err(Errno::kEINVAL); }
        Result<runner::UniqueFd> mount(std::uint64_t attributes) override {
            said_ += " mount " + std::to_string(attributes);
            return runner::UniqueFd(memfd_create("mount", MFD_CLOEXEC));
        }

    private:
        std::string& said_;
    };
};

class ScriptedAnswers final : public CallAnswers {
public:
    MountAnswers* mounts() override { return mounts_are_answered ? &world_mounts : nullptr; }
    bool is_tree(dev_t device) override { return device == tree_device; }
    std::optional<std::uint32_t> file_system_type(dev_t, std::uint64_t) override { return type; }
    bool knows_name(std::string_view name) override { return name == "told"; }
    std::optional<Result<runner::UniqueFd>> open_file(const OpenRequest& request) override {
        if (request.path == "/proc/refused/told") {
            return Result<runner::UniqueFd>(Err(Errno::kEACCES));
        }
        if (request.path != "/proc/self/told") {
            return std::nullopt;
        }
        runner::UniqueFd file(memfd_create("told", MFD_CLOEXEC));
        REQUIRE(write(file.get(), "world", 5) == 5);
        lseek(file.get(), 0, SEEK_SET);
        return file;
    }
    Result<void> may_fork(const ForkRequest& request) override {
        forks++;
        threads += request.thread ? 1 : 0;
        return refuse_forks ? Err(Errno::kEAGAIN) : Result<void>{};
    }
    ScriptedMounts world_mounts;  // looked at when the supervisor has ended
    std::atomic<bool> mounts_are_answered = true;
    std::atomic<dev_t> tree_device = 0;
    std::optional<std::uint32_t> type;
    std::atomic<bool> refuse_forks = false;
    std::atomic<int> forks = 0;
    std::atomic<int> threads = 0;
};

/// A child that has installed the filter, and waits.
class Supervised {
public:
    /// `body` gives the exit status; -1 where there can be no filter.
    int run(const std::function<int()>& body) {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
        const pid_t pid = fork();
        if (pid == 0) {
            auto listener = install_filter();
            const int number = listener.ok() ? listener->get() : -1;
            static_cast<void>(send(ends[1], &number, sizeof(number), 0));
            char go = 0;
            static_cast<void>(recv(ends[1], &go, 1, 0));
            _exit(listener.ok() ? body() : 99);
        }
        int number = -1;
        REQUIRE(recv(ends[0], &number, sizeof(number), 0) == sizeof(number));
        const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        runner::UniqueFd listener(
            number >= 0 ? static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)) : -1);
        close(pidfd);
        REQUIRE((number < 0 || listener.valid()));
        {
            const auto supervisor = Supervisor::start(std::move(listener), answers, logger);
            REQUIRE(send(ends[0], "g", 1, 0) == 1);
            int status = 0;
            REQUIRE(waitpid(pid, &status, 0) == pid);
            close(ends[0]);
            close(ends[1]);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }

    ScriptedAnswers answers;
    spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
};

dev_t device_of(const char* path) {
    struct stat status{};
    REQUIRE(stat(path, &status) == 0);
    return status.st_dev;
}

TEST_CASE("calls about other file systems go on as they are", "[supervisor]") {
    Supervised world;
    struct statfs before{};
    REQUIRE(statfs("/", &before) == 0);
    CHECK(world.run([&] {
        struct statfs now{};
        const int fd = open("/", O_PATH);
        const bool same = statfs("/", &now) == 0 && now.f_type == before.f_type &&
                          fstatfs(fd, &now) == 0 && now.f_type == before.f_type;
        return same && statfs("/nowhere/at/all", &now) == -1 && errno == ENOENT &&
                       syscall(SYS_statfs, nullptr, &now) == -1 && errno == EFAULT &&
                       fstatfs(-1, &now) == -1 && errno == EBADF
                   ? 0
                   : 1;
    }) == 0);
}

TEST_CASE("a fork is refused with the answer's error, in threads as well", "[supervisor]") {
    Supervised world;
    world.answers.refuse_forks = true;
    CHECK(world.run([] {
        const bool by_fork = fork() == -1 && errno == EAGAIN;
        const bool by_vfork = syscall(SYS_vfork) == -1 && errno == EAGAIN;
        alignas(16) static char stack[65536];
        const int thread = clone([](void*) { return 0; }, stack + sizeof(stack),
                                 CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, nullptr);
        return by_fork && by_vfork && thread == -1 && errno == EAGAIN ? 0 : 1;
    }) == 0);
    CHECK(world.answers.forks == 3);
    CHECK(world.answers.threads == 1);
}

TEST_CASE("children are under the filter, too", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const pid_t child = fork();
        if (child == 0) {
            const pid_t grandchild = fork();
            if (grandchild == 0) {
                _exit(7);
            }
            int status = 0;
            waitpid(grandchild, &status, 0);
            _exit(WEXITSTATUS(status));
        }
        int status = 0;
        waitpid(child, &status, 0);
        return WEXITSTATUS(status);
    }) == 7);
    CHECK(world.answers.forks - world.answers.threads ==
          2);  // ThreadSanitizer has a thread in each
}

std::string read_all(int fd) {
    std::array<char, 64> text{};
    const ssize_t length = fd >= 0 ? read(fd, text.data(), text.size()) : -1;
    close(fd);
    return length >= 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "failed";
}

TEST_CASE("a file is given in the place of the kernel's, by whatever path", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const int dir = open("/proc/self", O_DIRECTORY | O_RDONLY);
        const int proc = open("/proc", O_DIRECTORY | O_RDONLY);
        const auto by_open = [](const char* path) {
            return static_cast<int>(syscall(SYS_open, path, O_RDONLY));
        };
        const std::string own = "/proc/" + std::to_string(getpid()) + "/told";
        const bool given = read_all(open("/proc/self/told", O_RDONLY)) == "world" &&
                           read_all(by_open("//proc/./self//told")) == "world" &&
                           read_all(openat(proc, "self/told", O_RDONLY)) == "world";
        // The kernel's own answers: of a path that no file was announced for, by a number in place
        // of "self", without wanting to read, and of another name.
        const bool passed = read_all(openat(dir, "../self/comm", O_RDONLY)) != "world" &&
                            open(own.c_str(), O_RDONLY) == -1 && errno == ENOENT &&
                            open("/proc/self/told", O_PATH) == -1 && errno == ENOENT;
        const bool refused = open("/proc/refused/told", O_RDONLY) == -1 && errno == EACCES;
        return (given ? 0 : 1) + (passed ? 0 : 2) + (refused ? 0 : 4);
    }) == 0);
}

TEST_CASE("a given descriptor is closed by exec as asked, and counts", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const int kept = open("/proc/self/told", O_RDONLY);
        const int closed = open("/proc/self/told", O_RDONLY | O_CLOEXEC);
        const bool flags = fcntl(kept, F_GETFD) == 0 && fcntl(closed, F_GETFD) == FD_CLOEXEC;
        rlimit limit{};
        limit.rlim_cur = limit.rlim_max = static_cast<rlim_t>(closed) + 1;
        setrlimit(RLIMIT_NOFILE, &limit);
        return flags && open("/proc/self/told", O_RDONLY) == -1 && errno == EMFILE ? 0 : 1;
    }) == 0);
}

TEST_CASE("a path that ends with its page is read, one that goes on beyond is EFAULT",
          "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        constexpr std::size_t kPage = 4096;
        auto* const pages = static_cast<char*>(
            mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        munmap(pages + kPage, kPage);
        struct statfs info{};
        std::memcpy(pages + kPage - 2, "/", 2);
        // Past the C library, which sanitizers put functions of their own before.
        const bool read = syscall(SYS_statfs, pages + kPage - 2, &info) == 0;
        pages[kPage - 1] = 't';
        const bool refused = syscall(SYS_statfs, pages + kPage - 2, &info) == -1 && errno == EFAULT;
        return read && refused ? 0 : 1;
    }) == 0);
}

TEST_CASE("a signal that is caught does not disturb an answer", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        action.sa_flags = SA_RESTART;
        sigaction(SIGALRM, &action, nullptr);
        const itimerval often{{0, 500}, {0, 500}};
        setitimer(ITIMER_REAL, &often, nullptr);
        for (int i = 0; i < 2000; i++) {
            struct statfs info{};
            if (statfs("/", &info) != 0) {
                return 1;
            }
        }
        return 0;
    }) == 0);
}

TEST_CASE("a caller that is killed while it waits is no trouble", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        for (int i = 0; i < 50; i++) {
            const pid_t child = fork();
            if (child == 0) {
                for (struct statfs info{};;) {
                    statfs("/", &info);
                }
            }
            for (int j = 0; j < i; j++) {
                sched_yield();
            }
            kill(child, SIGKILL);
            waitpid(child, nullptr, 0);
        }
        return 0;
    }) == 0);
}

TEST_CASE("mounts of cgroup are asked about, and no others", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const bool made = mount("src", "/tmp", "cgroup", MS_NOSUID, "memory,cpu") == 0 &&
                          mount("no", "/tmp", "cgroup2", 0, nullptr) == -1 && errno == EBUSY;
        // The kernel's own answers.
        const bool others = mount("a", "/nowhere/at/all", "cgroup", 0, nullptr) == -1 &&
                            errno == ENOENT && mount("a", "/tmp", "nosuch", 0, nullptr) == -1 &&
                            (errno == ENODEV || errno == EPERM) &&
                            umount("/nowhere/at/all") == -1 && errno == ENOENT;
        return made && others ? 0 : 1;
    }) == 0);
    CHECK(world.answers.world_mounts.said == "no  0 v2");
}

TEST_CASE("a mount is asked about with all its words", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        return mount("src", "/tmp", "cgroup", MS_NOSUID | MS_RDONLY, "memory,cpu") == 0 ? 0 : 1;
    }) == 0);
    CHECK(world.answers.world_mounts.said == "src memory,cpu 3 v1");
}

TEST_CASE("a mount is made in steps as well", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const int context = fsopen("cgroup2", FSOPEN_CLOEXEC);
        if (context < 0 || fcntl(context, F_GETFD) != FD_CLOEXEC) {
            return 1;
        }
        const bool set =
            fsconfig(context, FSCONFIG_SET_STRING, "source", "s", 0) == 0 &&
            fsconfig(context, FSCONFIG_SET_FLAG, "nsdelegate", nullptr, 0) == 0 &&
            fsconfig(context, FSCONFIG_SET_FLAG, "no", nullptr, 0) == -1 && errno == EINVAL &&
            fsconfig(context, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == -1 &&
            errno == EINVAL && fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
        const int mounted = fsmount(context, 0, MOUNT_ATTR_NOEXEC);
        return set && mounted >= 0 && fcntl(mounted, F_GETFD) == 0 && fsmount(0, 0, 0) == -1 &&
                       errno != 0
                   ? 0
                   : 2;
    }) == 0);
    CHECK(world.answers.world_mounts.said == "open v2 source=s nsdelegate no create mount 8");
}

TEST_CASE("without mounts in the world they are the kernel's affair", "[supervisor]") {
    Supervised world;
    world.answers.mounts_are_answered = false;
    CHECK(world.run([] {
        // Nothing is mounted whoever runs this: there is no such type.
        return mount("a", "/tmp", "cgroup-of-nobody", 0, nullptr) == -1 ? 0 : 1;
    }) == 0);
    CHECK(world.answers.world_mounts.said.empty());
}

TEST_CASE("a file system that is not FUSE is never taken for the tree's", "[supervisor]") {
    Supervised world;
    world.answers.tree_device = device_of("/");
    world.answers.type = CGROUP2_SUPER_MAGIC;
    struct statfs before{};
    REQUIRE(statfs("/", &before) == 0);
    const auto type = before.f_type;
    CHECK(world.run([&] {
        struct statfs now{};
        return statfs("/", &now) == 0 && now.f_type == type ? 0 : 1;
    }) == 0);
}

}  // namespace
}  // namespace memcgfs::supervisor
