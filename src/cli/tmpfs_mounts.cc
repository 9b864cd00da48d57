// SPDX-License-Identifier: MIT
#include "cli/tmpfs_mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <ctime>

#include "cli/files_server.h"
#include "cli/mount_rights.h"
#include "memcgfs/files/charged_tmpfs.h"
#include "memcgfs/fuse/caller_rights.h"

namespace memcgfs::cli {

using files::TmpfsOptions;

namespace {

/// How long an umount(2) waits for the file system's end, which the kernel brings about at once
/// unless it is mounted elsewhere.
constexpr Nanos kEndWait = from_millis(100);

timespec wall_clock_now() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

}  // namespace

class TmpfsMounts::FileSystem {
public:
    FileSystem(dev_t device, const files::ChargedTmpfs::Parts& parts, files::PageBank& bank,
               files::TmpfsShown shown)
        : device_(device),
          shown_(shown),
          fs_(parts, bank,
              {.limits = shown.limits,
               .mode = shown.mode,
               .uid = shown.uid,
               .gid = shown.gid,
               .now = wall_clock_now}) {}

    Result<void, std::string> serve(int fuse_fd, OperationRunner& runner) {
        return server_.start(fuse_fd, fs_, runner);
    }

    dev_t device() const { return device_; }
    bool ended() { return server_.ended(); }
    void wait_for_end() { server_.wait_for_end(kEndWait); }
    std::string shown() const { return files::shown_tmpfs_options(shown_); }
    Result<void> reconfigure(const TmpfsOptions& options) {
        MEMCGFS_TRY(fs_.with(
            [&](files::Tmpfs& fs) { return fs.set_limits(options.blocks(), options.inodes()); }));
        shown_.limits.blocks = options.blocks().value_or(shown_.limits.blocks);
        shown_.limits.inodes = options.inodes().value_or(shown_.limits.inodes);
        return {};
    }

private:
    const dev_t device_;
    files::TmpfsShown shown_;
    files::ChargedTmpfs fs_;
    FilesServer server_;
};

/// fsopen(2)'s, or fspick(2)'s if it has a target.
class TmpfsMounts::Context final : public supervisor::MountContext {
public:
    Context(TmpfsMounts& mounts, pid_t caller, runner::UniqueFd target)
        : mounts_(mounts), caller_(caller), options_(mounts.memory()), target_(std::move(target)) {}

    Result<void> set(std::string_view key, std::optional<std::string_view> value) override {
        if (key == "source" && value) {
            source_ = *value;
            return {};
        }
        return options_.add(key, value);
    }

    Result<void> create() override {
        if (target_.valid() || made_) {
            return Err(Errno::kEBUSY);
        }
        made_ = MEMCGFS_TRY(mounts_.make(caller_, options_, source_));
        return {};
    }

    Result<void> reconfigure() override {
        if (!target_.valid()) {
            return Err(Errno::kEINVAL);
        }
        FileSystem* const there = MEMCGFS_TRY(mounts_.mounted_at(target_.get()));
        return there->reconfigure(options_);
    }

    Result<runner::UniqueFd> mount(std::uint64_t attributes) override {
        if (!made_ || !made_->file.valid()) {
            return Err(made_ ? Errno::kEBUSY : Errno::kEINVAL);
        }
        MEMCGFS_TRY(runner::MountAgent::set(made_->file.get(), exactly(attributes)));
        return std::move(made_->file);
    }

private:
    TmpfsMounts& mounts_;
    const pid_t caller_;
    TmpfsOptions options_;
    runner::UniqueFd target_;
    std::string source_ = "none";
    std::optional<runner::MountAgent::Mount> made_;
};

TmpfsMounts::TmpfsMounts(Parts parts, runner::MountAgent* agent)
    : parts_(std::move(parts)),
      agent_(agent),
      bank_({}),
      payers_(parts_.engine, parts_.engine_mutex, parts_.tasks, parts_.settle) {}

TmpfsMounts::~TmpfsMounts() = default;

Pages TmpfsMounts::memory() const {
    const MutexLock lock(parts_.engine_mutex);
    return parts_.engine.machine().memory;
}

TmpfsMounts::FileSystem* TmpfsMounts::find(dev_t device) const {
    for (const auto& one : file_systems_) {
        if (one->device() == device) {
            return one.get();
        }
    }
    return nullptr;
}

Result<TmpfsMounts::FileSystem*> TmpfsMounts::mounted_at(int target) const {
    FileSystem* const there = find(device_of(target));
    return there != nullptr && is_root_of_mount(target) ? Result<FileSystem*>(there)
                                                        : Err(Errno::kEINVAL);
}

std::optional<CgroupMount> TmpfsMounts::describe(std::string_view device,
                                                 std::string_view source) const {
    for (const auto& one : file_systems_) {
        if (fmt::format("{}:{}", major(one->device()), minor(one->device())) == device) {
            return CgroupMount{
                .type = "tmpfs", .source = std::string(source), .options = one->shown()};
        }
    }
    return std::nullopt;
}

void TmpfsMounts::forget_ended() {
    std::erase_if(file_systems_, [](const auto& one) { return one->ended(); });
}

Result<runner::MountAgent::Mount> TmpfsMounts::make(pid_t caller, const TmpfsOptions& options,
                                                    const std::string& source) {
    forget_ended();
    // shmem_fill_super(): who mounts it.
    const auto found = fuse::credentials_of_thread(caller);
    const vfs::Credentials maker = found.ok() ? *found : vfs::Credentials{};
    const files::TmpfsShown shown{.limits = options.limits(),
                                  .defaults = files::default_limits(memory()),
                                  .mode = options.mode(),
                                  .uid = options.uid().value_or(maker.uid),
                                  .gid = options.gid().value_or(maker.gid)};
    auto made = MEMCGFS_TRY(agent_->make_fuse(source.empty() ? "none" : source));
    auto file_system = std::make_unique<FileSystem>(
        device_of(made.mount.file.get()),
        files::ChargedTmpfs::Parts{parts_.engine, parts_.engine_mutex, payers_, parts_.flush},
        bank_, shown);
    if (const auto served = file_system->serve(made.connection.release(), parts_.runner);
        !served.ok()) {
        parts_.logger.warn("cannot serve a tmpfs: {}", served.error());
        return Err(Errno::kENOMEM);
    }
    file_systems_.push_back(std::move(file_system));
    return std::move(made.mount);
}

Result<void> TmpfsMounts::cover(const std::string& directory, pid_t process) {
    if (!can_mount()) {
        return Err(Errno::kENOSYS);
    }
    const runner::MountAgent::Mount made =
        MEMCGFS_TRY(make(process, TmpfsOptions(memory()), "tmpfs"));
    const std::string place = fmt::format("/proc/{}/root{}", process, directory);
    const runner::UniqueFd target(open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const runner::UniqueFd name_space = namespace_of(process, "mnt");
    return agent_->put(made.file.get(), exactly(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
                       {.name_space = name_space.get(), .target = target.get()});
}

bool TmpfsMounts::serves(pid_t caller) { return may_mount(caller).ok(); }

Result<void> TmpfsMounts::mount(const supervisor::MountRequest& request) {
    TmpfsOptions options(memory());
    MEMCGFS_TRY(options.add_list(request.options));
    const runner::MountAgent::Mount made =
        MEMCGFS_TRY(make(request.caller, options, request.source));
    const runner::UniqueFd name_space = namespace_of(request.caller, "mnt");
    return agent_->put(made.file.get(), exactly(attributes_of(request.flags)),
                       {.name_space = name_space.get(), .target = request.target});
}

Result<void> TmpfsMounts::remount(const supervisor::MountRequest& request) {
    MEMCGFS_TRY(may_mount(request.caller));
    FileSystem* const there = MEMCGFS_TRY(mounted_at(request.target));
    TmpfsOptions options(memory());
    MEMCGFS_TRY(options.add_list(request.options));
    MEMCGFS_TRY(there->reconfigure(options));
    const runner::UniqueFd name_space = namespace_of(request.caller, "mnt");
    return agent_->change(exactly(attributes_of(request.flags)),
                          {.name_space = name_space.get(), .target = request.target});
}

Result<void> TmpfsMounts::unmount(const supervisor::UnmountRequest& request) {
    MEMCGFS_TRY(may_mount(request.caller));
    const std::string path = fmt::format("/proc/self/fd/{}/{}", request.directory, request.name);
    struct statx status{};
    FileSystem* there = nullptr;
    if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_INO,
              &status) == 0) {
        there = find(makedev(status.stx_dev_major, status.stx_dev_minor));
    }
    const runner::UniqueFd name_space = namespace_of(request.caller, "mnt");
    MEMCGFS_TRY(agent_->unmount(request.name, request.flags,
                                {.name_space = name_space.get(), .target = request.directory}));
    if (there != nullptr) {
        there->wait_for_end();
    }
    forget_ended();
    return {};
}

Result<std::unique_ptr<supervisor::MountContext>> TmpfsMounts::open_context(pid_t caller,
                                                                            supervisor::FsType) {
    return std::unique_ptr<supervisor::MountContext>(
        std::make_unique<Context>(*this, caller, runner::UniqueFd()));
}

Result<std::unique_ptr<supervisor::MountContext>> TmpfsMounts::pick_context(pid_t caller,
                                                                            int target) {
    MEMCGFS_TRY(may_mount(caller));
    MEMCGFS_TRY(mounted_at(target));
    return std::unique_ptr<supervisor::MountContext>(std::make_unique<Context>(
        *this, caller, runner::UniqueFd(fcntl(target, F_DUPFD_CLOEXEC, 0))));
}

}  // namespace memcgfs::cli
