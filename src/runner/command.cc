// SPDX-License-Identifier: MIT
#include "memcgfs/runner/command.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>

#include "memcgfs/base/assert.h"
#include "memcgfs/runner/mount_table.h"
#include "runner/failure.h"
#include "runner/layout.h"
#include "runner/messages.h"
#include "runner/namespaces.h"
#include "runner/process_tree.h"

namespace memcgfs::runner {
namespace {

// The first byte of a message from C; the rest is a sentence, or an errno for kExecFailed.
constexpr char kMounted = 'm';
constexpr char kSetupFailed = 'f';
constexpr char kExecFailed = 'e';
constexpr char kListener = 'l';    // with the descriptor
constexpr char kNoListener = 'n';  // the rest says why

constexpr timespec kKillRetry{0, 10'000'000};
constexpr unsigned kAbortPatienceSeconds = 2;

constexpr std::array kForwarded{SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};

/// What child_ended() sends; ignored by default.
constexpr int kChildEnded = SIGURG;

sigset_t awaited_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, kChildEnded);
    for (const int signal : kForwarded) {
        sigaddset(&set, signal);
    }
    return set;
}

void send_report(int socket, char kind, std::string_view text, std::span<const int> fds = {}) {
    send_message(socket, std::string(1, kind).append(text), fds);
}

int exit_status_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// A FUSE mount's device number, without a request to its server.
Result<dev_t, std::string> device_of(int tree_fd) {
    struct statx status{};
    if (statx(tree_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) != 0) {
        return failure("cannot examine the mount", errno);
    }
    return makedev(status.stx_dev_major, status.stx_dev_minor);
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
    return path == directory ||
           (path.starts_with(directory) && path.substr(directory.size()).starts_with('/'));
}

bool is_covered(const CommandOptions& options, std::string_view path) {
    return is_at_or_below(path, options.mount_point) ||
           std::any_of(options.further_covered.begin(), options.further_covered.end(),
                       [path](const auto& directory) { return is_at_or_below(path, directory); });
}

/// The devices of the FUSE mounts of this process's namespace.
std::set<dev_t> fuse_devices() {
    std::set<dev_t> devices;
    for (const MountEntry& entry : read_mount_table("/proc/self/mountinfo")) {
        if (entry.fs_type.starts_with("fuse")) {
            devices.insert(entry.device);
        }
    }
    return devices;
}

/// Fails what waits for an answer of S: with it neither S nor who asks can be killed.
void abort_trees(int name_space, const std::set<dev_t>& foreign) {
    // The mounts' paths are those of the other namespace, and /proc there may be anything.
    const pid_t child = fork();
    if (child == 0) {
        // Nobody answers a look-up on the way to a mount point.
        alarm(kAbortPatienceSeconds);
        if (unshare(CLONE_FS) == 0 && setns(name_space, CLONE_NEWNS) == 0) {
            for (const MountEntry& entry : read_mount_table("/proc/self/mountinfo")) {
                if (entry.fs_type.starts_with("fuse.memcgfs") && !foreign.contains(entry.device)) {
                    umount2(entry.mount_point.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);
                }
            }
        }
        _exit(0);
    }
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

/// The janitor's work: see the head of command.h.
void end_world(dev_t device, const std::function<bool(pid_t)>& is_member) {
    for (;;) {
        bool killed = false;
        for (const pid_t pid : processes_of_world(device, is_member)) {
            killed = kill(pid, SIGKILL) == 0 || killed;
        }
        if (!killed) {
            return;
        }
        nanosleep(&kKillRetry, nullptr);
    }
}

}  // namespace

Result<std::unique_ptr<Command>, std::string> Command::prepare(CommandOptions options) {
    MEMCGFS_ASSERT(!options.argv.empty());
    struct stat status{};
    if (stat(options.mount_point.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        return failure("there is no directory " + options.mount_point +
                       " to mount on; it takes a kernel with control groups and sysfs on /sys");
    }
    std::unique_ptr<Command> command(new Command(std::move(options)));
    const sigset_t awaited = awaited_signals();
    sigprocmask(SIG_BLOCK, &awaited, &command->original_mask_);
    struct sigaction default_action{};
    default_action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &default_action, &command->original_child_action_);
    if (!can_mount()) {
        MEMCGFS_TRY(
            enter_user_namespace(command->options_.as_root ? SeenAs::kRoot : SeenAs::kSelf));
    }
    command->fuse_fd_ = MEMCGFS_TRY(open_fuse());
    command->proc_fuse_fd_ = MEMCGFS_TRY(open_fuse());
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return failure("cannot become a subreaper", errno, "it takes Linux 3.4 or later");
    }
    MEMCGFS_TRY(command->fork_child());
    command->mount_agent_ = MountAgent::start(command->pid_, command->options_.mount_point);
    MEMCGFS_TRY(command->start_janitor());
    return command;
}

Result<void, std::string> Command::fork_child() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return failure("cannot make a socket", errno);
    }
    socket_.reset(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) {
        return failure("cannot start a process", errno);
    }
    if (pid_ == 0) {
        socket_.reset();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(1);
        }
        run_child(theirs.get());
    }
    theirs.reset();
    Message message = receive_message(socket_.get());
    const std::string& report = message.text;
    if (report.starts_with(kMounted)) {
        if (!message.descriptors.empty()) {
            proc_mount_ = std::move(message.descriptors.front());
        } else {
            proc_mount_ = Failed<std::string>{report.substr(1)};
        }
        return {};
    }
    return failure(report.size() > 1 ? report.substr(1)
                                     : "the process for the command has ended too early");
}

void Command::run_child(int socket) {
    auto ready = [this]() -> Result<void, std::string> {
        MEMCGFS_TRY(enter_mount_namespace());
        return mount_fuse(fuse_fd_.get(), options_.mount_point,
                          options_.kernel_checks ? Checks::kKernel : Checks::kServer);
    }();
    if (!ready.ok()) {
        send_report(socket, kSetupFailed, ready.error());
        _exit(1);
    }
    const auto hidden = make_hidden_fuse_mount(proc_fuse_fd_.get());
    // Only the server may hold a connection: it ends with its last holder.
    fuse_fd_.reset();
    proc_fuse_fd_.reset();
    if (hidden.ok()) {
        send_report(socket, kMounted, "", std::array{hidden->get()});
    } else {
        send_report(socket, kMounted, hidden.error());
    }
    if (receive_message(socket).text.empty()) {
        _exit(1);
    }
    // The tree is served from here on.
    if (const auto made = make_layout(options_.mount_point, options_.layout); !made.ok()) {
        send_report(socket, kSetupFailed, made.error());
        _exit(1);
    }
    if (hidden.ok() && !options_.covered_directory.empty()) {
        // Where this fails the host's is seen, as where there is no second tree.
        static_cast<void>(cover_directory(hidden->get(), options_.covered_directory).ok());
    }
    become_command(socket);
    _exit(1);
}

void Command::send_listener(int socket) {
    const auto listener = options_.make_listener();
    if (listener.ok()) {
        send_report(socket, kListener, "", std::array{listener->get()});
    } else {
        send_report(socket, kNoListener, listener.error());
    }
}

/// Returns if there is no such command.
void Command::become_command(int socket) {
    // A working directory that the mount now covers is found again by its name.
    std::array<char, PATH_MAX> directory{};
    if (getcwd(directory.data(), directory.size()) != nullptr &&
        is_covered(options_, directory.data())) {
        static_cast<void>(chdir(directory.data()) == 0);
    }
    for (const auto& [name, value] : options_.environment) {
        setenv(name.c_str(), value.c_str(), 1);
    }
    std::vector<char*> argv;
    for (std::string& argument : options_.argv) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    sigaction(SIGCHLD, &original_child_action_, nullptr);
    sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
    if (options_.make_listener) {
        send_listener(socket);
    }
    execvp(argv[0], argv.data());
    send_report(socket, kExecFailed, std::to_string(errno));
}

Result<void, std::string> Command::start_janitor() {
    const std::string path = "/proc/" + std::to_string(pid_) + "/root" + options_.mount_point;
    tree_fd_.reset(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!tree_fd_.valid()) {
        return failure("cannot open the mount at " + path, errno);
    }
    const dev_t device = MEMCGFS_TRY(device_of(tree_fd_.get()));
    tree_device_ = device;
    const std::string names = "/proc/" + std::to_string(pid_) + "/ns/mnt";
    const UniqueFd name_space(open(names.c_str(), O_RDONLY | O_CLOEXEC));
    if (!name_space.valid()) {
        return failure("cannot open " + names, errno);
    }
    auto clean_up = [device, foreign = fuse_devices(), name_space = name_space.get(),
                     this](std::string_view) {
        std::set<dev_t> others = fuse_devices();
        others.insert(foreign.begin(), foreign.end());
        others.erase(device);
        abort_trees(name_space, others);
        end_world(device, options_.is_member);
    };
    janitor_.emplace(
        MEMCGFS_TRY(Janitor::start(std::move(clean_up), {tree_fd_.get(), name_space.get()})));
    return {};
}

Result<void, StartFailure> Command::start() {
    send_report(socket_.get(), kMounted, "");
    Message message = receive_message(socket_.get());
    if (message.text.starts_with(kListener) && !message.descriptors.empty()) {
        listener_ = std::move(message.descriptors.front());
        message = receive_message(socket_.get());
    } else if (message.text.starts_with(kNoListener)) {
        listener_ = Failed<std::string>{message.text.substr(1)};
        message = receive_message(socket_.get());
    }
    const std::string& report = message.text;
    socket_.reset();
    if (report.empty()) {
        return {};  // closed by exec
    }
    pid_ = -1;
    end_rest();
    if (report.starts_with(kSetupFailed)) {
        return Failed<StartFailure>{{1, report.substr(1)}};
    }
    const int error = std::atoi(report.c_str() + 1);
    const bool unknown = error == ENOENT;
    const bool plain_name = options_.argv[0].find('/') == std::string::npos;
    return Failed<StartFailure>{
        {unknown ? 127 : 126,
         "cannot run " + options_.argv[0] + ": " +
             (unknown && plain_name ? "there is no such command in PATH" : std::strerror(error))}};
}

void Command::leave_children() {
    children_left_ = true;
    waiter_ = pthread_self();
}

void Command::child_ended(pid_t pid, int status) {
    if (pid == pid_) {
        ended_with_.store(exit_status_of(status));
        pthread_kill(waiter_, kChildEnded);
    }
}

void Command::reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == pid_) {
            ended_with_.store(exit_status_of(status));
        }
    }
}

int Command::wait(const std::function<void()>& ended) {
    sigset_t awaited = awaited_signals();
    if (children_left_) {
        sigdelset(&awaited, SIGCHLD);  // it is meant for who waits for them
    }
    while (ended_with_.load() < 0) {
        siginfo_t info{};
        const int signal = sigwaitinfo(&awaited, &info);
        if (signal == SIGCHLD) {
            reap();
        } else if (signal > 0 && signal != kChildEnded &&
                   !(info.si_code == SI_KERNEL && (signal == SIGINT || signal == SIGQUIT))) {
            kill(pid_, signal);
        }
    }
    if (ended) {
        ended();
    }
    pid_ = -1;
    end_rest();
    return ended_with_.load();
}

void Command::end_rest() {
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    const pid_t janitor = janitor_ ? janitor_->pid() : -1;
    for (;;) {
        while (waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        bool remaining = false;
        for (const ProcessStat& process : descendants(getpid(), janitor)) {
            // A zombie's parent is among the killed, and then it is ours to wait for.
            remaining = process.state == 'Z' || kill(process.pid, SIGKILL) == 0 || remaining;
        }
        if (!remaining) {
            break;
        }
        sigtimedwait(&child_signal, nullptr, &kKillRetry);
    }
    tree_fd_.reset();
    janitor_.reset();
}

Command::~Command() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        end_rest();
    }
}

}  // namespace memcgfs::runner
