// SPDX-License-Identifier: MIT
#include "memcgfs/runner/host.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "memcgfs/runner/unique_fd.h"
#include "runner/namespaces.h"

namespace memcgfs::runner {
namespace {

/// 0 or errno.
using Attempt = int (*)();

int errno_unless(bool done) { return done ? 0 : errno; }

/// The functions of namespaces.h give a sentence; errno is still that of the call that failed.
template <class T>
int errno_of(const Result<T, std::string>& result) {
    return result.ok() ? 0 : (errno != 0 ? errno : EPERM);
}

/// The outcome of `attempt` in a process of its own.
int in_child(Attempt attempt) {
    const pid_t pid = fork();
    if (pid == 0) {
        errno = 0;
        _exit(attempt());
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0) {
        return errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

int open_device() { return errno_of(open_fuse()); }

int find_fusermount() {
    if (geteuid() == 0) {
        return 0;  // root mounts by itself
    }
    const char* path = std::getenv("PATH");
    std::istringstream directories(path != nullptr ? path : "/bin:/usr/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (access((directory + "/fusermount3").c_str(), X_OK) == 0) {
            return 0;
        }
    }
    return ENOENT;
}

int allow_others() {
    if (geteuid() == 0) {
        return 0;
    }
    std::ifstream configuration("/etc/fuse.conf");
    for (std::string line; std::getline(configuration, line);) {
        if (line == "user_allow_other") {
            return 0;
        }
    }
    return EPERM;
}

int make_user_namespace() {
    return can_mount() ? 0 : errno_of(enter_user_namespace(SeenAs::kSelf));
}

/// Into namespaces as those of a run.
int make_namespaces() {
    if (const int error = make_user_namespace(); error != 0) {
        return error;
    }
    return errno_of(enter_mount_namespace());
}

int mount_in_namespace() {
    if (const int error = make_namespaces(); error != 0) {
        return error;
    }
    auto device = open_fuse();
    return device.ok() ? errno_of(mount_fuse(device->get(), "/", Checks::kServer))
                       : errno_of(device);
}

int find_mount_point() {
    struct stat status{};
    if (stat("/sys/fs/cgroup", &status) != 0) {
        return errno;
    }
    return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

int mount_nowhere() {
    if (const int error = make_namespaces(); error != 0) {
        return error;
    }
    auto device = open_fuse();
    return device.ok() ? errno_of(make_hidden_fuse_mount(device->get())) : errno_of(device);
}

/// A filter that lets everything through and could ask; -1 and errno.
int install_listener() {
    std::array<sock_filter, 1> allow{{BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
    const sock_fprog program{allow.size(), allow.data()};
    if (!can_mount() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return static_cast<int>(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

int listen_to_calls() { return errno_unless(install_listener() >= 0); }

int give_descriptors() {
    const int listener = install_listener();
    seccomp_notif_addfd request{};
    request.srcfd = UINT32_MAX;
    if (listener < 0 || ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request) >= 0) {
        return listener < 0 ? errno : EPROTO;
    }
    return errno == EBADF ? 0 : errno;  // it knows the request, if not this descriptor
}

int map_served_files() { return maps_served_files() ? 0 : ENODEV; }

/// What `attempt` says of a child that waits, a copy of this process.
template <class Try>
int with_waiting_child(Try attempt) {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    if (child < 0) {
        return errno;
    }
    const int error = attempt(child);
    kill(child, SIGKILL);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return error;
}

int read_memory() {
    std::uint64_t word = 1;
    return with_waiting_child([&word](pid_t child) {
        std::uint64_t copy = 0;
        const iovec local{&copy, sizeof(copy)};
        const iovec remote{&word, sizeof(word)};
        return errno_unless(process_vm_readv(child, &local, 1, &remote, 1, 0) == sizeof(copy));
    });
}

int take_descriptor() {
    const UniqueFd event(eventfd(0, EFD_CLOEXEC));
    return with_waiting_child([&event](pid_t child) {
        const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
        const UniqueFd copy(process.valid() ? static_cast<int>(syscall(
                                                  SYS_pidfd_getfd, process.get(), event.get(), 0))
                                            : -1);
        return errno_unless(copy.valid());
    });
}

int look_at_call() {
    return with_waiting_child([](pid_t child) {
        const UniqueFd file(
            open(("/proc/" + std::to_string(child) + "/syscall").c_str(), O_RDONLY | O_CLOEXEC));
        char first = 0;
        return errno_unless(file.valid() && read(file.get(), &first, 1) == 1);
    });
}

int tag_process() {
    return with_waiting_child([](pid_t child) {
        rlimit limit{};
        const bool done = prlimit(child, RLIMIT_LOCKS, nullptr, &limit) == 0;
        limit.rlim_cur = 0;
        return errno_unless(done && prlimit(child, RLIMIT_LOCKS, &limit, nullptr) == 0);
    });
}

int trace_process() {
    return with_waiting_child([](pid_t child) {
        return errno_unless(ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0);
    });
}

perf_event_attr fault_counter() {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    attributes.sample_period = 64;
    attributes.inherit = 1;
    return attributes;
}

int open_counter(const perf_event_attr& attributes) {
    return with_waiting_child([&attributes](pid_t child) {
        return errno_unless(UniqueFd(static_cast<int>(syscall(SYS_perf_event_open, &attributes,
                                                              child, -1, -1, PERF_FLAG_FD_CLOEXEC)))
                                .valid());
    });
}

int stop_at_faults() {
    perf_event_attr attributes = fault_counter();
    attributes.sigtrap = 1;
    attributes.remove_on_exec = 1;
    return open_counter(attributes);
}

int count_faults() { return open_counter(fault_counter()); }

int gate_faults() {
    return errno_unless(
        UniqueFd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK))).valid());
}

int evict_pages() {
    const UniqueFd file(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK;
    return errno_unless(file.valid() && ioctl(file.get(), UFFDIO_API, &api) == 0);
}

int keep_awake() {
    return errno_unless(UniqueFd(open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC)).valid());
}

struct Row {
    std::string_view what;
    Attempt attempt;
    bool essential;
    std::string_view without;
    bool needs_device = false;  ///< says nothing where /dev/fuse cannot be opened
};

constexpr std::array kRows{
    Row{"/dev/fuse", open_device, true,
        "Nothing can be mounted or run: load the module fuse, or let this container have the "
        "device."},
    Row{"fusermount3", find_fusermount, true,
        "An ordinary user cannot 'memcgfs mount': install the package fuse3."},
    Row{"user_allow_other in /etc/fuse.conf", allow_others, false,
        "'memcgfs mount --allow-other' is root's."},
    Row{"namespaces of users and mounts", make_namespaces, true,
        "'memcgfs run' needs root, or a kernel and container that let users make namespaces."},
    Row{"mounting in a namespace", mount_in_namespace, true,
        "'memcgfs run' does not work: a profile of AppArmor or of the container forbids it.", true},
    Row{"/sys/fs/cgroup", find_mount_point, true,
        "'memcgfs run' has no place for its tree: mount sysfs on /sys."},
    Row{"limits of other processes", tag_process, true,
        "Processes cannot become members of groups (prlimit(2) of RLIMIT_LOCKS)."},
    Row{"mounts that are nowhere (fsopen, Linux 5.2)", mount_nowhere, false,
        "In a run /proc/meminfo and its like are the host's.", true},
    Row{"answering system calls (Linux 5.5)", listen_to_calls, false,
        "In a run statfs(2), mount(2) and /proc tell of the host, and pids.max refuses no fork. "
        "Within another run, or under a debugger's or container's filter that answers, it is so."},
    Row{"giving descriptors as answers (Linux 5.9)", give_descriptors, false,
        "In a run the files of /proc and /sys are the host's."},
    Row{"shared mappings of served files (Linux 6.6)", map_served_files, false,
        "In a run shared memory in /dev/shm is not charged, and files of tracked directories and "
        "of tmpfs cannot be mapped shared."},
    Row{"reading memory of other processes", read_memory, false,
        "No path of a system call can be read, so none is answered (kernel.yama.ptrace_scope)."},
    Row{"taking descriptors of other processes (Linux 5.6)", take_descriptor, false,
        "cgroup.event_control cannot take the eventfds it is given."},
    Row{"tracing of processes", trace_process, false,
        "In a run real processes are charged as with 'memcgfs mount --charge event-untraced': what "
        "they fork is found some milliseconds later, and signals stop them where they have to wait "
        "(kernel.yama.ptrace_scope)."},
    Row{"stops at page faults (Linux 5.13)", stop_at_faults, false,
        "In a run limits act on real processes some milliseconds late "
        "(kernel.perf_event_paranoid)."},
    Row{"counting page faults of others", count_faults, false,
        "Processes that are not traced, as all are of 'memcgfs mount', are looked at from time to "
        "time only ('--charge timer'), and nothing stops them at limits "
        "(kernel.perf_event_paranoid)."},
    Row{"page faults that wait (userfaultfd)", gate_faults, false,
        "'memcgfs run --charge exact' is as '--charge event' (root, or "
        "vm.unprivileged_userfaultfd)."},
    Row{"pages that leave memory (userfaultfd, Linux 5.7)", evict_pages, false,
        "'memcgfs run --evict' is refused (root, or CAP_SYS_PTRACE)."},
    Row{"keeping idle CPUs awake (/dev/cpu_dma_latency)", keep_awake, false,
        "In a virtual machine each request, and each stop of a process that is charged, may take "
        "some 0.1 ms longer (root, or write permission for it)."},
    Row{"/proc/PID/syscall", look_at_call, false,
        "Writes of more than a page, and reads that go on after the file has changed, follow Linux "
        "less closely (docs/fidelity.md)."},
};

}  // namespace

bool maps_served_files() {
    // FUSE_DIRECT_IO_ALLOW_MMAP; who has no connection can only go by the version.
    constexpr std::pair kFirst{6, 6};
    utsname name{};
    std::pair version{0, 0};
    return uname(&name) == 0 &&
           std::sscanf(name.release, "%d.%d", &version.first, &version.second) == 2 &&
           version >= kFirst;
}

std::vector<HostFinding> examine_host() {
    std::vector<HostFinding> findings;
    for (const Row& row : kRows) {
        if (row.needs_device && findings.front().error != 0) {
            continue;
        }
        findings.push_back({row.what, in_child(row.attempt), row.essential, row.without});
    }
    return findings;
}

}  // namespace memcgfs::runner
