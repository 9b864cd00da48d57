// SPDX-License-Identifier: MIT
#include "cli/world_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <fstream>
#include <sstream>

#include "cli/mount_rights.h"
#include "memcgfs/base/assert.h"
#include "memcgfs/supervisor/fuse_node.h"

namespace memcgfs::cli {

using engine::CgroupVersion;
using engine::Hierarchy;
using supervisor::FsType;
using supervisor::MountRequest;

namespace {

CgroupVersion version_of(FsType type) {
    return type == FsType::kCgroup ? CgroupVersion::kV1 : CgroupVersion::kV2;
}

}  // namespace

/// fsopen(2)'s, or fspick(2)'s if it has a target.
class WorldMountContext final : public supervisor::MountContext {
public:
    WorldMountContext(WorldMounts& mounts, CgroupVersion version, pid_t caller,
                      runner::UniqueFd target)
        : mounts_(mounts),
          caller_(caller),
          options_(version, mounts.parts_.engine.profile()),
          target_(std::move(target)) {}

    Result<void> set(std::string_view key, std::optional<std::string_view> value) override {
        if (key == "source" && value) {
            source_ = *value;
            return {};
        }
        return options_.add(key, value);
    }

    Result<void> create() override {
        if (target_.valid() || hierarchy_) {
            return Err(Errno::kEBUSY);
        }
        const Hierarchy* const hierarchy = MEMCGFS_TRY(mounts_.hierarchy_for(options_, caller_));
        hierarchy_ = hierarchy->id;
        directory_ = mounts_.directory_of(*hierarchy, caller_);
        mounts_.parts_.flush();
        return {};
    }

    Result<void> reconfigure() override {
        return target_.valid() ? mounts_.reconfigure(target_.get(), options_) : Err(Errno::kEINVAL);
    }

    Result<runner::UniqueFd> mount(std::uint64_t attributes) override {
        if (!hierarchy_) {
            return Err(Errno::kEINVAL);
        }
        auto made = MEMCGFS_TRY(mounts_.agent_->clone(directory_, exactly(attributes)));
        mounts_.sources_[made.id] = source_;
        return std::move(made.file);
    }

private:
    WorldMounts& mounts_;
    const pid_t caller_;
    interface::MountOptions options_;
    runner::UniqueFd target_;
    std::string source_ = "none";
    std::optional<engine::HierarchyId> hierarchy_;
    std::string directory_;  ///< of the tree's root
};

bool WorldMounts::meets_one(const interface::V1MountRequest& request) {
    const engine::HierarchySpec& spec = request.spec;
    const MutexLock lock(parts_.engine_mutex);
    const auto all = parts_.engine.hierarchies();
    const bool says_nothing = spec.controllers == 0 && !request.none;
    return says_nothing || std::any_of(all.begin(), all.end(), [&](const Hierarchy* hierarchy) {
               return !hierarchy->is_v2() &&
                      (spec.name.empty() ? spec.controllers == hierarchy->controllers
                                         : spec.name == hierarchy->name);
           });
}

Result<const Hierarchy*> WorldMounts::v1_hierarchy(const interface::V1MountRequest& request) {
    const MutexLock lock(parts_.engine_mutex);
    const Hierarchy* const hierarchy =
        MEMCGFS_TRY(parts_.engine.mount_v1(request.spec, request.none));
    if (!parts_.roots.shows(hierarchy->id)) {
        hierarchy->root->clone_children = request.clone_children;
        parts_.engine.set_release_agent(*hierarchy->root, request.release_agent);
    }
    return hierarchy;
}

std::string WorldMounts::root_path(const Hierarchy& hierarchy,
                                   std::optional<std::uint32_t> namespace_root) const {
    const engine::Cgroup* const group =
        namespace_root ? parts_.engine.find(parts_.engine.css_set(*namespace_root).in(hierarchy.id))
                       : nullptr;
    return group != nullptr ? parts_.engine.path(*group) : "/";
}

std::string WorldMounts::directory_of(const Hierarchy& hierarchy, pid_t thread) const {
    const auto root = parts_.tasks.namespace_root(thread);
    const MutexLock lock(parts_.engine_mutex);
    const std::string path = root_path(hierarchy, root);
    return tree_name_of(hierarchy.id) + (path == "/" ? "" : path);
}

Result<const Hierarchy*> WorldMounts::hierarchy_for(const interface::MountOptions& options,
                                                    pid_t maker) {
    end_unmounted();
    const bool is_first = !parts_.tasks.namespace_root(maker);
    const Hierarchy* hierarchy = nullptr;
    if (options.version() == CgroupVersion::kV2) {
        const MutexLock lock(parts_.engine_mutex);
        hierarchy = &parts_.engine.mount_v2();
        if (is_first) {
            parts_.engine.set_mount_flags(options.v2());  // apply_cgroup_root_flags()
        }
    } else {
        const interface::V1MountRequest request = MEMCGFS_TRY(options.v1());
        if (!is_first && !meets_one(request)) {
            return Err(Errno::kEPERM);  // cgroup1_root_to_use()
        }
        hierarchy = MEMCGFS_TRY(v1_hierarchy(request));
    }
    if (!parts_.roots.shows(hierarchy->id)) {
        parts_.roots.add(*hierarchy, tree_name_of(hierarchy->id));
    }
    return hierarchy;
}

Result<void> WorldMounts::is_known(FsType type) const {
    const bool known = type != FsType::kCgroup2 || engine::has_v2(parts_.engine.profile());
    return known ? Result<void>{} : Err(Errno::kENODEV);
}

Result<void> WorldMounts::mount(const MountRequest& request) {
    MEMCGFS_TRY(may_mount(request.caller));
    MEMCGFS_TRY(is_known(request.type));
    interface::MountOptions options(version_of(request.type), parts_.engine.profile());
    MEMCGFS_TRY(options.add_list(request.options));
    const Hierarchy* const hierarchy = MEMCGFS_TRY(hierarchy_for(options, request.caller));
    parts_.flush();
    // do_add_mount(): not twice on the same place.
    if (const auto there = mounted_at(request.target); there.ok() && *there == hierarchy) {
        return Err(Errno::kEBUSY);
    }
    const runner::UniqueFd name_space = namespace_of(request.caller, "mnt");
    const std::uint64_t id = MEMCGFS_TRY(agent_->mount(
        directory_of(*hierarchy, request.caller), exactly(attributes_of(request.flags)),
        {.name_space = name_space.get(), .target = request.target}));
    sources_[id] = request.source;
    return {};
}

Result<const Hierarchy*> WorldMounts::mounted_at(int target) const {
    struct stat status{};
    const auto node = supervisor::fuse_node_of(target);
    if (!node || !is_root_of_mount(target) || fstat(target, &status) != 0 ||
        status.st_dev != parts_.device) {
        return Err(Errno::kEINVAL);
    }
    const auto attributes = parts_.tree.getattr(vfs::NodeId{*node});
    const MutexLock lock(parts_.engine_mutex);
    const engine::Cgroup* const group =
        attributes.ok()
            ? parts_.engine.find(engine::CgroupId{static_cast<std::uint64_t>(attributes->dir)})
            : nullptr;
    if (group == nullptr) {
        return Err(Errno::kEINVAL);
    }
    return group->hierarchy;
}

Result<void> WorldMounts::reconfigure(int target, const interface::MountOptions& options) {
    const Hierarchy* const hierarchy = MEMCGFS_TRY(mounted_at(target));
    if (hierarchy->is_v2()) {
        const MutexLock lock(parts_.engine_mutex);
        parts_.engine.set_mount_flags(options.v2());
        return {};
    }
    const interface::V1MountRequest request = MEMCGFS_TRY(options.v1());
    const MutexLock lock(parts_.engine_mutex);
    if (!request.spec.name.empty() && request.spec.name != hierarchy->name) {
        return Err(Errno::kEINVAL);
    }
    if (!hierarchy->root->children.empty()) {
        return Err(Errno::kEBUSY);
    }
    // DEVIATION(remount-keeps-controllers): the kernel moves controllers in and out, and warns that
    // it will not for long.
    if (request.spec.controllers != hierarchy->controllers) {
        return Err(Errno::kEBUSY);
    }
    if (!request.release_agent.empty()) {
        parts_.engine.set_release_agent(*hierarchy->root, request.release_agent);
    }
    return {};
}

Result<void> WorldMounts::remount(const MountRequest& request) {
    MEMCGFS_TRY(may_mount(request.caller));
    const Hierarchy* const hierarchy = MEMCGFS_TRY(mounted_at(request.target));
    interface::MountOptions options(hierarchy->version, parts_.engine.profile());
    MEMCGFS_TRY(options.add_list(request.options));
    MEMCGFS_TRY(reconfigure(request.target, options));
    const runner::UniqueFd name_space = namespace_of(request.caller, "mnt");
    return agent_->change(exactly(attributes_of(request.flags)),
                          {.name_space = name_space.get(), .target = request.target});
}

Result<std::unique_ptr<supervisor::MountContext>> WorldMounts::open_context(pid_t caller,
                                                                            FsType type) {
    MEMCGFS_TRY(may_mount(caller));
    MEMCGFS_TRY(is_known(type));
    return std::unique_ptr<supervisor::MountContext>(
        std::make_unique<WorldMountContext>(*this, version_of(type), caller, runner::UniqueFd()));
}

Result<std::unique_ptr<supervisor::MountContext>> WorldMounts::pick_context(pid_t caller,
                                                                            int target) {
    MEMCGFS_TRY(may_mount(caller));
    const Hierarchy* const hierarchy = MEMCGFS_TRY(mounted_at(target));
    return std::unique_ptr<supervisor::MountContext>(std::make_unique<WorldMountContext>(
        *this, hierarchy->version, caller, runner::UniqueFd(fcntl(target, F_DUPFD_CLOEXEC, 0))));
}

Result<void> WorldMounts::unmount(const supervisor::UnmountRequest& request) {
    MEMCGFS_TRY(may_mount(request.caller));
    const runner::UniqueFd name_space = namespace_of(request.caller, "mnt");
    MEMCGFS_TRY(agent_->unmount(request.name, request.flags,
                                {.name_space = name_space.get(), .target = request.directory}));
    end_unmounted();
    parts_.flush();
    return {};
}

void WorldMounts::end_unmounted() {
    const std::set<std::string> mounted = mounted_directories();
    std::vector<engine::HierarchyId> ended;
    {
        const MutexLock lock(parts_.engine_mutex);
        for (const Hierarchy* hierarchy : parts_.engine.hierarchies()) {
            if (!hierarchy->is_v2() && !mounted.contains(tree_name_of(hierarchy->id))) {
                parts_.engine.unmounted(hierarchy->id);
                if (hierarchy->root == nullptr) {
                    ended.push_back(hierarchy->id);
                }
            }
        }
    }
    for (const engine::HierarchyId hierarchy : ended) {
        parts_.roots.remove(hierarchy);
    }
}

std::set<std::string> WorldMounts::mounted_directories() const {
    std::set<std::string> seen;
    std::set<std::string> directories;
    for (const world::ProcessInfo& process : parts_.tasks.snapshot()) {
        const std::string proc = "/proc/" + std::to_string(process.pid);
        std::array<char, PATH_MAX> name{};
        const ssize_t length = readlink((proc + "/ns/mnt").c_str(), name.data(), name.size());
        if (process.kernel_thread || length <= 0 ||
            !seen.emplace(name.data(), static_cast<std::size_t>(length)).second) {
            continue;
        }
        std::ifstream file(proc + "/mountinfo");
        std::ostringstream table;
        table << file.rdbuf();
        directories.merge(tree_directories(table.str(), parts_.device));
    }
    return directories;
}

std::optional<CgroupMount> WorldMounts::describe(std::string_view directory, int mount_id,
                                                 pid_t reader) const {
    const auto id = parts_.roots.find(directory);
    const auto root = parts_.tasks.namespace_root(reader);
    const MutexLock lock(parts_.engine_mutex);
    for (const Hierarchy* hierarchy : parts_.engine.hierarchies()) {
        if (hierarchy->id == id) {
            const std::string type = hierarchy->is_v2() ? "cgroup2" : "cgroup";
            const auto source = sources_.find(static_cast<std::uint64_t>(mount_id));
            return CgroupMount{
                .type = type,
                .source = source == sources_.end() ? type : source->second,
                .options = interface::shown_mount_options(*hierarchy, parts_.engine.mount_flags(),
                                                          parts_.engine.profile()),
                .seen_from = root_path(*hierarchy, root)};
        }
    }
    return std::nullopt;
}

}  // namespace memcgfs::cli
