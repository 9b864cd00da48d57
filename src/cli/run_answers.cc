// SPDX-License-Identifier: MIT
#include "cli/run_answers.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "cli/limits_text.h"
#include "cli/mount_text.h"
#include "cli/state_text.h"
#include "cli/write_permission.h"
#include "memcgfs/fuse/caller_rights.h"
#include "memcgfs/interface/proc_file.h"
#include "memcgfs/runner/command.h"

namespace memcgfs::cli {
namespace {

constexpr std::array<std::string_view, 2> kMountTables = {"mountinfo", "mounts"};

constexpr std::string_view kLimits = "limits";

constexpr std::array<std::string_view, 2> kStates = {"stat", "status"};

constexpr std::string_view kKernelLog = "/dev/kmsg";

/// The lines of a mountinfo but for those of mounts of the device, which nothing is mounted on.
std::string without_device(const std::string& table, dev_t device) {
    const std::string number =
        " " + std::to_string(major(device)) + ":" + std::to_string(minor(device)) + " ";
    std::istringstream lines(table);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t parent = line.find(' ');
        const std::size_t place = parent == std::string::npos ? parent : line.find(' ', parent + 1);
        if (place == std::string::npos || line.compare(place, number.size(), number) != 0) {
            kept += line + "\n";
        }
    }
    return kept;
}

/// What the host has as a file below a process's directory, "root" among them; empty if that cannot
/// be read.
std::string host_file(std::int32_t pid, std::string_view name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/" + std::string(name));
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// A file that can only be read, with this content.
Result<runner::UniqueFd> file_of(std::string_view name, const std::string& text) {
    const runner::UniqueFd file(memfd_create(std::string(name).c_str(), MFD_CLOEXEC));
    if (!file.valid() ||
        write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return Err(Errno::kENOMEM);
    }
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    runner::UniqueFd reader(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader.valid()) {
        return Err(static_cast<Errno>(errno));
    }
    return reader;
}

/// What the kernel has links for.
std::string follow_known_links(const std::string& path) {
    return path == "/proc/mounts" || path == "/etc/mtab" ? "/proc/self/mounts" : path;
}

/// The number that is all of `text`.
std::optional<std::int32_t> number_of(std::string_view text) {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool good = error == std::errc{} && end == text.data() + text.size() && number > 0;
    return good ? std::optional(number) : std::nullopt;
}

/// Cuts the first name off a path.
std::string_view next_name(std::string_view& path) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    return name;
}

}  // namespace

/// "/proc/12/cgroup", and the same of a thread: "/proc/12/task/13/cgroup".
std::optional<RunAnswers::ProcessFile> RunAnswers::process_file(std::string_view path) {
    constexpr std::string_view kProc = "/proc/";
    if (!path.starts_with(kProc)) {
        return std::nullopt;
    }
    path.remove_prefix(kProc.size());
    const std::string_view who = next_name(path);
    ProcessFile file;
    const std::optional<std::int32_t> number = number_of(who);
    if (!number && who != "self" && who != "thread-self") {
        return std::nullopt;
    }
    file.pid = number.value_or(0);
    file.of_thread = who != "self";
    if (path.starts_with("task/")) {
        next_name(path);
        file.tid = number_of(next_name(path));
        if (!file.tid) {
            return std::nullopt;
        }
    }
    file.name = path;
    return file;
}

RunAnswers::RunAnswers(RunMounts mounts, Trees trees, const ForkGate::Parts& parts,
                       MachineAnswers::Parts machine, TmpfsMounts::Parts tmpfs)
    : tree_device_(mounts.tree_device),
      proc_(std::move(mounts.proc)),
      trees_(trees),
      engine_(parts.engine),
      engine_mutex_(parts.engine_mutex),
      tasks_(parts.tasks),
      flush_(parts.flush),
      follower_(parts.follower),
      gate_(parts),
      world_mounts_({engine_, engine_mutex_, tasks_, trees_.cgroups, trees_.roots, parts.flush,
                     mounts.tree_device},
                    std::move(mounts.agent)),
      tmpfs_mounts_(std::move(tmpfs), world_mounts_.agent()),
      machine_(std::move(machine)) {
    if (!mounts.shared_memory.empty()) {
        // Where it cannot be, the host's is there.
        static_cast<void>(tmpfs_mounts_.cover(mounts.shared_memory, mounts.process).ok());
    }
    for (std::string& name : machine_.device_names()) {
        names_.insert(std::move(name));
    }
    struct statx status{};
    // What the kernel knows by itself: whoever asks his own process for it is stuck for good if
    // that is killed meanwhile.
    if (!proc_.valid() ||
        statx(proc_.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) != 0) {
        return;
    }
    proc_device_ = makedev(status.stx_dev_major, status.stx_dev_minor);
    for (const interface::ProcFile* row : interface::all_proc_files()) {
        names_.emplace(row->path.substr(row->path.rfind('/') + 1));
    }
    for (const std::string_view name : {kMountTables[0], kMountTables[1], std::string_view("mtab"),
                                        kLimits, kStates[0], kStates[1]}) {
        names_.emplace(name);
    }
}

bool RunAnswers::is_tree(dev_t device) {
    return device == tree_device_ || (device == proc_device_ && proc_device_ != 0);
}

bool RunAnswers::tells_type(dev_t device) {
    return mounted_type(device) || trees_.tracked.type_of(device);
}

std::optional<supervisor::FsType> RunAnswers::mounted_type(dev_t device) {
    if (tmpfs_mounts_.has(device)) {
        return supervisor::FsType::kTmpfs;
    }
    return is_tree(device) ? std::optional(supervisor::FsType::kCgroup2) : std::nullopt;
}

std::optional<std::uint32_t> RunAnswers::file_system_type(dev_t device, std::uint64_t node) {
    if (tmpfs_mounts_.has(device)) {
        return TMPFS_MAGIC;
    }
    if (const auto type = trees_.tracked.type_of(device)) {
        return type;
    }
    if (device != tree_device_) {
        return PROC_SUPER_MAGIC;
    }
    const auto attributes = trees_.cgroups.getattr(vfs::NodeId{node});
    const MutexLock lock(engine_mutex_);
    if (engine_.hierarchies().size() == 1 && engine_.unified() != nullptr) {
        return CGROUP2_SUPER_MAGIC;  // also of a group that has gone
    }
    const engine::Cgroup* const group =
        attributes.ok()
            ? engine_.find(engine::CgroupId{static_cast<std::uint64_t>(attributes->dir)})
            : nullptr;
    if (group == nullptr) {
        return std::nullopt;
    }
    return group->is_v2() ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
}

bool RunAnswers::knows_name(std::string_view name) { return names_.contains(std::string(name)); }

std::optional<Result<runner::UniqueFd>> RunAnswers::open_file(
    const supervisor::OpenRequest& request) {
    const std::string path = follow_known_links(request.path);
    if (auto device = machine_.open_device(path, request)) {
        return device;
    }
    if (const auto file = process_file(path)) {
        const bool state = std::find(kStates.begin(), kStates.end(), file->name) != kStates.end();
        return state ? open_state(request, path, *file) : open_process_file(request, *file);
    }
    if (!trees_.proc.has(path)) {
        return std::nullopt;
    }
    if (path == kKernelLog && (request.flags & O_ACCMODE) != O_WRONLY &&
        !machine_.may_administer(request.caller)) {
        return Result<runner::UniqueFd>(Err(Errno::kEPERM));  // dmesg_restrict, as for syslog(2)
    }
    return open_proc(path.substr(1), request);
}

Result<std::int32_t> RunAnswers::enter(const ProcessFile& file, std::int32_t caller) {
    using Of = interface::ProcTree::Of;
    if (!file.tid) {
        return trees_.proc.enter(file.pid, caller, file.of_thread ? Of::kThread : Of::kProcess);
    }
    const world::ProcessInfo process = MEMCGFS_TRY(tasks_.find(file.pid, caller));
    const world::ProcessInfo thread = MEMCGFS_TRY(tasks_.find(*file.tid, caller));
    return thread.pid == process.pid ? trees_.proc.enter(*file.tid, caller)
                                     : Result<std::int32_t>(Err(Errno::kESRCH));
}

std::optional<Result<runner::UniqueFd>> RunAnswers::open_process_file(
    const supervisor::OpenRequest& request, const ProcessFile& file) {
    const std::string_view name = file.name;
    const bool mounts =
        std::find(kMountTables.begin(), kMountTables.end(), name) != kMountTables.end();
    const auto files = interface::ProcTree::process_files(engine_.profile());
    const bool limits = name == kLimits;
    if (!mounts && !limits && std::find(files.begin(), files.end(), name) == files.end()) {
        return std::nullopt;
    }
    // Who is not of this world has the host's files.
    const auto number = enter(file, request.caller);
    if (!number.ok()) {
        return std::nullopt;
    }
    if (limits) {
        return file_of(name, without_tag(host_file(*number, name)));
    }
    if (mounts) {
        return make_mount_table(*number, name, request.caller);
    }
    return open_proc("proc/" + std::to_string(*number) + "/" + std::string(name), request);
}

/// DEVIATION(held-is-stopped): of the moment of the open. Numbers are as the caller's /proc has
/// them.
std::optional<Result<runner::UniqueFd>> RunAnswers::open_state(
    const supervisor::OpenRequest& request, const std::string& path, const ProcessFile& file) {
    auto* const follower = follower_();
    // Who asks is not held.
    if (follower == nullptr || file.pid == 0 || (request.flags & O_ACCMODE) != O_RDONLY) {
        return std::nullopt;
    }
    std::string text = host_file(request.caller, "root" + path);
    const char state = state_in(text);
    if (state != 't' && state != 'T') {
        return std::nullopt;
    }
    const auto process = tasks_.find(file.pid, request.caller);
    const auto charge = process.ok() ? follower->charge_of(process->pid) : std::nullopt;
    if (!charge || !(state == 't' ? charge->traced : charge->stopped)) {
        return std::nullopt;
    }
    return file_of(file.name, with_state(std::move(text), charge->waits ? 'D' : 'R'));
}

Result<runner::UniqueFd> RunAnswers::open_proc(const std::string& path,
                                               const supervisor::OpenRequest& request) {
    struct stat status{};
    if (fstatat(proc_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    const world::ProcessInfo caller = MEMCGFS_TRY(tasks_.find(0, request.caller));
    if (caller.uid != 0) {
        vfs::Attributes attributes;
        attributes.mode = status.st_mode;
        attributes.uid = status.st_uid;
        attributes.gid = status.st_gid;
        const vfs::Credentials who{caller.uid, caller.uid, request.caller};
        const int access = request.flags & O_ACCMODE;
        if ((access != O_WRONLY && !mode_allows_read(attributes, who)) ||
            (access != O_RDONLY && !mode_allows_write(attributes, who))) {
            return Err(Errno::kEACCES);
        }
    }
    const int flags = request.flags & (O_ACCMODE | O_APPEND | O_NONBLOCK);
    runner::UniqueFd file(openat(proc_.get(), path.c_str(), flags | O_CLOEXEC));
    if (!file.valid()) {
        return Err(static_cast<Errno>(errno));
    }
    return file;
}

/// DEVIATION(mount-table-is-a-copy): of the moment of the open, in a file of its own.
Result<runner::UniqueFd> RunAnswers::make_mount_table(std::int32_t pid, std::string_view name,
                                                      pid_t reader) {
    const std::string table = host_file(pid, "mountinfo");
    const TreeMounts tree{.device = tree_device_,
                          .ground_is_shown = engine_.layout() == engine::Layout::kV1 ||
                                             engine_.layout() == engine::Layout::kHybrid,
                          .what =
                              [this, reader](std::string_view directory, int mount_id) {
                                  return world_mounts_.describe(directory, mount_id, reader);
                              },
                          .other =
                              [this](std::string_view device, std::string_view source) {
                                  auto mount = tmpfs_mounts_.describe(device, source);
                                  return mount ? mount : trees_.tracked.describe(device);
                              }};
    const std::string info = with_cgroup_mounts(without_device(table, proc_device_), tree);
    return file_of(name, name == "mounts" ? mounts_of(info) : info);
}

supervisor::MountAnswers* RunAnswers::mounts(supervisor::FsType type) {
    if (type == supervisor::FsType::kTmpfs) {
        return tmpfs_mounts_.can_mount() ? &tmpfs_mounts_ : nullptr;
    }
    return world_mounts_.can_mount() ? &world_mounts_ : nullptr;
}

Result<void> RunAnswers::may_fork(const supervisor::ForkRequest& request) {
    std::optional<engine::CgroupId> into;
    if (request.into) {
        const auto attributes = trees_.cgroups.getattr(vfs::NodeId{*request.into});
        if (!attributes.ok() || attributes->dir == vfs::DirKey{}) {
            return Err(attributes.ok() ? Errno::kEBADF : Errno::kENODEV);
        }
        into = engine::CgroupId{static_cast<std::uint64_t>(attributes->dir)};
        MEMCGFS_TRY(may_enter(request.caller, *into));
    }
    MEMCGFS_TRY(gate_.may_fork(request.caller, request.thread, into));
    tasks_.cgroup_namespaces().settle();
    if (request.cgroup_namespace) {
        note_namespace(request.caller, true);
    }
    return {};
}

void RunAnswers::makes_cgroup_namespace(pid_t caller) { note_namespace(caller, false); }

void RunAnswers::note_namespace(pid_t caller, bool for_child) {
    if (const auto process = tasks_.find(0, caller); process.ok()) {
        tasks_.cgroup_namespaces().note({.thread = caller,
                                         .process = process->pid,
                                         .css_set = process->css_set,
                                         .for_child = for_child});
    }
}

bool RunAnswers::before_trace(pid_t caller, pid_t tracee) {
    const auto process = tasks_.find(tracee, caller);
    meter::Follower* const follower = follower_();
    if (!process.ok() || follower == nullptr) {
        return false;
    }
    // Who wants to be traced itself waits for this answer, and cannot stop before.
    return follower->give_up(process->pid, tracee != 0) && tracee == 0;
}

void RunAnswers::drop_cache(dev_t device, std::uint64_t inode) {
    const auto cache = trees_.tracked.cache_of(device, inode);
    if (!cache) {
        return;
    }
    {
        const MutexLock lock(engine_mutex_);
        engine_.drop_mapping(*cache);
    }
    flush_();
}

bool RunAnswers::before_growth(pid_t caller, std::uint64_t bytes) {
    meter::Follower* const follower = follower_();
    return follower != nullptr && follower->watch_call(caller, Pages{bytes / kPageSize});
}

void RunAnswers::serves_faults(pid_t caller) {
    if (meter::Follower* const follower = follower_()) {
        follower->leave_faults(caller);
    }
}

bool RunAnswers::maps_memory(pid_t caller, std::function<void()> go_on) {
    meter::Follower* const follower = follower_();
    return follower != nullptr && follower->watch_mapping(caller, std::move(go_on));
}

bool RunAnswers::pins_memory(pid_t caller, pid_t owner, std::function<void()> go_on) {
    const auto process = tasks_.find(owner, caller);
    meter::Follower* const follower = follower_();
    return process.ok() && follower != nullptr &&
           follower->watch_pins(process->pid, std::move(go_on));
}

Result<void> RunAnswers::may_enter(std::int32_t caller, engine::CgroupId group) {
    const world::ProcessInfo process = MEMCGFS_TRY(tasks_.find(0, caller));
    const vfs::Credentials who = MEMCGFS_TRY(fuse::credentials_of_thread(caller));
    return trees_.cgroup_fs.may_fork_into(process, group, who);
}

}  // namespace memcgfs::cli
