// SPDX-License-Identifier: MIT
#include "memcgfs/interface/cgroup_fs.h"

#include <algorithm>
#include <utility>

#include "interface/services.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::Cgroup;
using engine::CgroupId;
using engine::CgroupVersion;

vfs::DirKey key_of(CgroupId id) { return vfs::DirKey{id.value}; }

CgroupId id_of(vfs::DirKey key) { return {static_cast<std::uint64_t>(key)}; }

DirectoryKind kind_of(const Cgroup& group) {
    return {.version = group.hierarchy->version,
            .root = group.is_root(),
            .controllers = engine::controllers_of(group),
            .pressure = group.pressure};
}

bool refreshes(const Cftype& row, Refresh when) {
    return row.refresh == when || row.refresh == Refresh::kBoth;
}

vfs::FileInfo info_of(const Cftype& row, std::size_t index) {
    return {.index = static_cast<vfs::FileIndex>(index),
            .name = row.name,
            .mode = mode_of(row),
            .readable = is_readable(row),
            .writable = is_writable(row),
            .line_list = row.line_list,
            .notify = row.triggered      ? vfs::Notify::kTriggered
                      : row.announced_as ? vfs::Notify::kModified
                                         : vfs::Notify::kNone,
            .write_max_bytes = row.write_max_bytes,
            .permanent =
                row.version == CgroupVersion::kV1 || (row.part == Part::kCore && !row.controller),
            .told = row.told};
}

}  // namespace

CgroupFs::CgroupFs(engine::Engine& engine, Mutex& engine_mutex, world::TaskTable& tasks,
                   Hooks hooks)
    : engine_(engine),
      engine_mutex_(engine_mutex),
      hooks_(std::move(hooks)),
      rows_(all_files()),
      services_(new Services{.engine = engine,
                             .engine_mutex = engine_mutex,
                             .hooks = hooks_,
                             .membership = Membership(engine, engine_mutex, tasks, hooks_),
                             .v2_procs_file = index_of(CgroupVersion::kV2, "cgroup.procs"),
                             .knobs = {},
                             .peaks = {},
                             .pressure_switches = {},
                             .event_fds = {},
                             .triggers = std::make_shared<TriggerHome>(engine, engine_mutex)}) {}

CgroupFs::~CgroupFs() = default;

vfs::DirKey CgroupFs::root(const engine::Hierarchy& hierarchy) const {
    const MutexLock lock(engine_mutex_);
    return key_of(hierarchy.root->id);
}

CgroupFs::FileName CgroupFs::file_of(const engine::FileModifiedEffect& effect) const {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (rows_[i]->announced_as == effect.file) {
            return {.dir = key_of(effect.cgroup), .file = static_cast<vfs::FileIndex>(i)};
        }
    }
    MEMCGFS_UNREACHABLE();
}

void CgroupFs::tick(const engine::EventTickEffect& effect) { services_->event_fds.deliver(effect); }

void CgroupFs::refresh() { services_->membership.refresh(); }

Result<void> CgroupFs::may_fork_into(const world::ProcessInfo& process, engine::CgroupId group,
                                     const vfs::Credentials& who) {
    return services_->membership.may_fork_into(process, group, services_->v2_procs_file, who);
}

const Cftype* CgroupFs::row(vfs::FileIndex file) const {
    const auto index = static_cast<std::size_t>(file);
    MEMCGFS_ASSERT(index < rows_.size());
    return rows_[index];
}

vfs::FileIndex CgroupFs::index_of(CgroupVersion version, std::string_view name) const {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (rows_[i]->version == version && rows_[i]->name == name) {
            return static_cast<vfs::FileIndex>(i);
        }
    }
    MEMCGFS_UNREACHABLE();
}

Cgroup* CgroupFs::find(vfs::DirKey dir) const { return engine_.find(id_of(dir)); }

bool CgroupFs::visible(const Cftype& row, const Cgroup& group) const {
    return exists_in(row, kind_of(group)) && exists_in(row, engine_.profile());
}

Result<Cgroup*> CgroupFs::group_with(vfs::DirKey dir, const Cftype& row) const {
    Cgroup* group = find(dir);
    if (group == nullptr || !visible(row, *group)) {
        return Err(Errno::kENODEV);
    }
    return group;
}

std::span<const vfs::FileInfo> CgroupFs::files(vfs::DirKey dir) {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    if (group == nullptr) {
        return {};
    }
    const auto [list, is_new] = file_lists_.try_emplace(kind_of(*group));
    if (is_new) {
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            if (visible(*rows_[i], *group)) {
                list->second.push_back(info_of(*rows_[i], i));
            }
        }
    }
    return list->second;
}

std::uint64_t CgroupFs::files_version(vfs::DirKey dir) {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    return group == nullptr ? 0 : services_->pressure_switches.version(*group);
}

std::uint64_t CgroupFs::made_at_version(vfs::DirKey dir, vfs::FileIndex file) {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    if (group == nullptr) {
        return 0;
    }
    const PressureSwitches& switches = services_->pressure_switches;
    switch (row(file)->part) {
        case Part::kCore:
            return row(file)->controller
                       ? group->controllers_came.version_of(*row(file)->controller) << 24U
                       : 0;
        case Part::kPressure: {
            const auto found = switches.records.find(group->id);
            return found == switches.records.end() ? 0 : found->second.switched_on_at;
        }
    }
    MEMCGFS_UNREACHABLE();
}

bool CgroupFs::renames(vfs::DirKey dir) {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    return group != nullptr && !group->is_v2();
}

bool CgroupFs::alive(vfs::DirKey dir, vfs::FileIndex file) {
    const MutexLock lock(engine_mutex_);
    return group_with(dir, *row(file)).ok();
}

Result<void> CgroupFs::show(const vfs::FileContext& context, TextBuffer& out) {
    const Cftype& file = *row(context.file);
    if (refreshes(file, Refresh::kOnShow)) {
        refresh();
    }
    if (file.members != nullptr) {
        return show_members(context, file, out);
    }
    const MutexLock lock(engine_mutex_);
    Cgroup* group = MEMCGFS_TRY(group_with(context.dir, file));
    if (file.show == nullptr) {
        return Err(Errno::kEINVAL);
    }
    if (file.told && hooks_.watches_content) {
        engine_.watch_content(*group);
    }
    return file.show({.engine = engine_,
                      .group = *group,
                      .services = *services_,
                      .opener = context.opener,
                      .caller = context.caller,
                      .state = context.state,
                      .open = context.open},
                     out);
}

Result<void> CgroupFs::show_members(const vfs::FileContext& context, const Cftype& file,
                                    TextBuffer& out) {
    std::vector<Member> members;
    {
        const MutexLock lock(engine_mutex_);
        Cgroup* group = MEMCGFS_TRY(group_with(context.dir, file));
        members = MEMCGFS_TRY(file.members({.engine = engine_,
                                            .group = *group,
                                            .services = *services_,
                                            .opener = context.opener,
                                            .caller = context.caller}));
    }
    std::vector<std::int32_t> ids = services_->membership.as_seen_by(context.caller, members);
    if (file.version == CgroupVersion::kV1) {
        std::erase(ids, 0);
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    }
    for (const std::int32_t id : ids) {
        out.print("{}\n", id);
    }
    return {};
}

std::optional<std::uint32_t> CgroupFs::note_opener(const vfs::Credentials& opener) {
    return services_->membership.note_opener(opener);
}

Result<vfs::StoreOutcome> CgroupFs::store(const vfs::FileContext& context, std::string_view text) {
    const Cftype& file = *row(context.file);
    if (refreshes(file, Refresh::kOnStore)) {
        refresh();
    }
    text = until_nul(text);
    if (!file.delegatable &&
        services_->membership.is_delegated(id_of(context.dir), context.opener)) {
        return Err(Errno::kEPERM);  // cgroup_file_write()
    }
    {
        const MutexLock lock(engine_mutex_);
        Cgroup* group = MEMCGFS_TRY(group_with(context.dir, file));
        if (!is_writable(file)) {
            return Err(Errno::kEINVAL);
        }
        if (file.store != nullptr) {
            StoreContext request{{.engine = engine_,
                                  .group = *group,
                                  .services = *services_,
                                  .opener = context.opener,
                                  .caller = context.caller,
                                  .state = context.state,
                                  .open = context.open}};
            return file.store(request, text);
        }
    }
    UnlockedStoreContext request{.group = id_of(context.dir),
                                 .services = *services_,
                                 .opener = context.opener,
                                 .caller = context.caller};
    return file.store_unlocked(request, text);
}

Result<vfs::DirKey> CgroupFs::mkdir(vfs::DirKey parent, std::string_view name,
                                    const vfs::Credentials&) {
    const MutexLock lock(engine_mutex_);
    const CgroupId id = MEMCGFS_TRY(engine_.create_cgroup(id_of(parent), name));
    const engine::Memcg* memcg = engine_.find(id)->memcg;
    if (memcg != nullptr && memcg->parent() != nullptr) {
        services_->knobs.set(memcg->id(), Knob::kWmarkMinAdj,
                             services_->knobs.get(memcg->parent()->id(), Knob::kWmarkMinAdj));
    }
    return key_of(id);
}

bool CgroupFs::had_members(vfs::DirKey dir) const {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    return group != nullptr && group->had_members;
}

void CgroupFs::before_rmdir(vfs::DirKey dir) {
    if (had_members(dir)) {
        refresh();  // a look at all processes, which an empty group does without
    }
}

Result<void> CgroupFs::rmdir(vfs::DirKey dir) {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    if (group->is_root()) {
        return Err(Errno::kEBUSY);
    }
    const engine::MemcgId memcg = group->memcg != nullptr ? group->memcg->id() : engine::MemcgId{};
    MEMCGFS_TRY(engine_.remove_cgroup(id_of(dir)));
    services_->knobs.forget(memcg);
    services_->peaks.forget(memcg);
    services_->pressure_switches.records.erase(id_of(dir));
    return {};
}

Result<void> CgroupFs::rename(vfs::DirKey dir, std::string_view new_name) {
    const MutexLock lock(engine_mutex_);
    const Cgroup* group = find(dir);
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    if (group->is_v2() || group->is_root()) {
        return Err(Errno::kEPERM);
    }
    return engine_.rename_cgroup(id_of(dir), new_name);
}

Result<vfs::StoreOutcome> CgroupFs::control(const vfs::FileContext& context,
                                            std::span<std::byte> message) {
    if (!hooks_.control) {
        return Err(Errno::kENOTTY);
    }
    return hooks_.control(context, message);
}

}  // namespace memcgfs::interface
