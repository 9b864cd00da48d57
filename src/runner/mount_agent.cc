// SPDX-License-Identifier: MIT
#include "memcgfs/runner/mount_agent.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "runner/failure.h"
#include "runner/helper_process.h"
#include "runner/messages.h"
#include "runner/namespaces.h"

namespace memcgfs::runner {
namespace {

enum class Task : std::uint32_t { kClone, kMount, kChange, kUnmount, kFuse, kPut };

/// What is asked; a name follows, if any. Descriptors: mount namespace, target, and
/// for kPut the mount.
struct Request {
    Task task{};
    MountAgent::Flags flags;
    int unmount_flags = 0;
};

/// With the mount as descriptor for kClone, and for kFuse also its connection.
struct Answer {
    int error = 0;
    std::uint64_t mount_id = 0;
};

template <class Value>
std::string_view bytes_of(const Value& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

/// glibc declares these calls and the kernel's header their arguments, but not both at a time.
int open_tree_clone(int directory) {
    return static_cast<int>(
        syscall(SYS_open_tree, directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
}

int set_flags(int mount, const MountAgent::Flags& flags) {
    if (flags.set == 0 && flags.clear == 0) {
        return 0;
    }
    mount_attr attributes{};
    attributes.attr_set = flags.set;
    attributes.attr_clr = flags.clear;
    return static_cast<int>(
        syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)));
}

std::uint64_t mount_id_of(int mount) {
    struct statx status{};
    return mount >= 0 &&
                   statx(mount, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &status) == 0
               ? status.stx_mnt_id
               : 0;
}

/// The agent's process.
class Agent {
public:
    Agent(int socket, UniqueFd home, std::string mount_point)
        : socket_(socket), home_(std::move(home)), mount_point_(std::move(mount_point)) {}

    void serve() {
        for (;;) {
            const Message message = receive_message(socket_);
            Request request;
            if (message.text.size() < sizeof(request)) {
                return;
            }
            std::memcpy(&request, message.text.data(), sizeof(request));
            UniqueFd mount;
            UniqueFd fuse;
            const std::string name = message.text.substr(sizeof(request));
            const bool done = request.task == Task::kFuse
                                  ? make_fuse(name, mount, fuse)
                                  : perform(request, name, message.descriptors, mount);
            const Answer answer{done ? 0 : errno, mount_id_of(mount.get())};
            const std::array given{mount.get(), fuse.get()};
            std::size_t gives = request.task == Task::kClone ? 1 : 0;
            gives = request.task == Task::kFuse ? 2 : gives;
            send_message(socket_, bytes_of(answer), std::span(given).first(done ? gives : 0));
        }
    }

private:
    static bool make_fuse(const std::string& source, UniqueFd& mount, UniqueFd& fuse) {
        auto opened = open_fuse();
        if (!opened.ok()) {
            return false;
        }
        fuse = std::move(opened).value();
        mount = make_fuse_mount(fuse.get(), source, 0);
        return mount.valid();
    }

    bool perform(const Request& request, const std::string& name,
                 const std::vector<UniqueFd>& places, UniqueFd& mount) {
        if (request.task == Task::kClone || request.task == Task::kMount) {
            const std::string path = mount_point_ + "/" + name;
            const UniqueFd source(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            mount.reset(source.valid() ? open_tree_clone(source.get()) : -1);
            if (!mount.valid() || set_flags(mount.get(), request.flags) != 0) {
                return false;
            }
        }
        if (request.task == Task::kClone) {
            return true;
        }
        const bool puts = request.task == Task::kPut;
        if (puts && places.size() == 3) {
            mount.reset(fcntl(places[2].get(), F_DUPFD_CLOEXEC, 0));
            if (set_flags(mount.get(), request.flags) != 0) {
                return false;
            }
        }
        if (places.size() != (puts ? 3U : 2U) || setns(places[0].get(), CLONE_NEWNS) != 0) {
            return false;
        }
        const int result = perform_there(request, name, places[1].get(), mount.get());
        const int error = errno;
        if (setns(home_.get(), CLONE_NEWNS) != 0) {
            _exit(1);
        }
        errno = error;
        return result == 0;
    }

    /// In the caller's mount namespace.
    static int perform_there(const Request& request, const std::string& name, int target,
                             int mount) {
        switch (request.task) {
            case Task::kMount:
            case Task::kPut:
                return static_cast<int>(syscall(SYS_move_mount, mount, "", target, "",
                                                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
            case Task::kUnmount:
                return fchdir(target) != 0 ? -1
                                           : static_cast<int>(syscall(SYS_umount2, name.c_str(),
                                                                      request.unmount_flags));
            default:
                return set_flags(target, request.flags);
        }
    }

    const int socket_;
    const UniqueFd home_;
    const std::string mount_point_;
};

[[noreturn]] void run_agent(int socket, int name_space, const std::string& mount_point) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool ready = become_helper("mount-agent", {socket, name_space}) &&
                       setns(name_space, CLONE_NEWNS) == 0 && enter_mount_namespace().ok();
    UniqueFd home(ready ? open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC) : -1);
    const Answer answer{.error = home.valid() ? 0 : errno};
    send_message(socket, bytes_of(answer));
    if (home.valid()) {
        close(name_space);
        Agent(socket, std::move(home), mount_point).serve();
    }
    _exit(home.valid() ? 0 : 1);
}

Result<MountAgent::FuseMount> receive_answer(int socket) {
    Message message = receive_message(socket);
    Answer answer;
    if (message.text.size() != sizeof(answer)) {
        return Err(Errno::kENOSYS);
    }
    std::memcpy(&answer, message.text.data(), sizeof(answer));
    if (answer.error != 0) {
        return Err(static_cast<Errno>(answer.error));
    }
    MountAgent::FuseMount given;
    given.mount.id = answer.mount_id;
    if (!message.descriptors.empty()) {
        given.mount.file = std::move(message.descriptors.front());
    }
    if (message.descriptors.size() > 1) {
        given.connection = std::move(message.descriptors[1]);
    }
    return given;
}

Result<MountAgent::FuseMount> ask_for_all(int socket, const Request& request,
                                          const std::string& directory,
                                          std::span<const int> places) {
    std::string text(bytes_of(request));
    text += directory;
    if (!send_message(socket, text, places)) {
        return Err(Errno::kENOSYS);
    }
    return receive_answer(socket);
}

Result<MountAgent::Mount> ask(int socket, const Request& request, const std::string& directory,
                              std::span<const int> places) {
    return std::move(MEMCGFS_TRY(ask_for_all(socket, request, directory, places)).mount);
}

}  // namespace

Result<MountAgent, std::string> MountAgent::start(pid_t member, const std::string& mount_point) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return failure("cannot make a socket", errno);
    }
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    const std::string path = "/proc/" + std::to_string(member) + "/ns/mnt";
    const UniqueFd name_space(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const pid_t pid = name_space.valid() ? fork() : -1;
    if (pid < 0) {
        return failure("cannot start a process for mounts", errno);
    }
    if (pid == 0) {
        ours.reset();
        run_agent(theirs.get(), name_space.get(), mount_point);
    }
    MountAgent agent(std::move(ours));
    if (const auto ready = receive_answer(agent.socket_.get()); !ready.ok()) {
        return failure("cannot enter the command's mount namespace", to_int(ready.error()));
    }
    return agent;
}

Result<MountAgent::Mount> MountAgent::clone(const std::string& directory, const Flags& flags) {
    return ask(socket_.get(), {Task::kClone, flags, 0}, directory, {});
}

Result<std::uint64_t> MountAgent::mount(const std::string& directory, const Flags& flags,
                                        const Place& place) {
    return MEMCGFS_TRY(ask(socket_.get(), {Task::kMount, flags, 0}, directory,
                           std::array{place.name_space, place.target}))
        .id;
}

Result<MountAgent::FuseMount> MountAgent::make_fuse(const std::string& source) {
    return ask_for_all(socket_.get(), {Task::kFuse, {}, 0}, source, {});
}

Result<void> MountAgent::put(int mount, const Flags& flags, const Place& place) {
    MEMCGFS_TRY(ask(socket_.get(), {Task::kPut, flags, 0}, "",
                    std::array{place.name_space, place.target, mount}));
    return {};
}

Result<void> MountAgent::set(int mount, const Flags& flags) {
    return set_flags(mount, flags) == 0 ? Result<void>{} : Err(static_cast<Errno>(errno));
}

Result<void> MountAgent::unmount(const std::string& name, int flags, const Place& place) {
    MEMCGFS_TRY(ask(socket_.get(), {Task::kUnmount, {}, flags}, name,
                    std::array{place.name_space, place.target}));
    return {};
}

Result<void> MountAgent::change(const Flags& flags, const Place& place) {
    MEMCGFS_TRY(ask(socket_.get(), {Task::kChange, flags, 0}, "",
                    std::array{place.name_space, place.target}));
    return {};
}

}  // namespace memcgfs::runner
