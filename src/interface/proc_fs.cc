// SPDX-License-Identifier: MIT
#include "memcgfs/interface/proc_fs.h"

#include <algorithm>

#include "interface/proc_services.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::interface {
namespace {

constexpr std::string_view kPid = "{pid}";
constexpr std::string_view kNode = "{node}";
constexpr std::string_view kBlock = "{block}";

constexpr unsigned kSerialShift = 16;
constexpr std::uint64_t kIndexMask = 0xFFFF;

/// As much as a request can bring: no parser says that a text is too long.
constexpr std::size_t kWriteMost = std::size_t{1} << 20U;

/// A directory's key: its place among the directories plus 1, and above it the number in its path
/// or, of a process's directory, the serial.
vfs::DirKey key_of(std::size_t directory, std::uint64_t number) {
    return vfs::DirKey{number << kSerialShift | (directory + 1)};
}
std::uint64_t number_in(vfs::DirKey dir) { return static_cast<std::uint64_t>(dir) >> kSerialShift; }

vfs::FileInfo info_of(const ProcFile& row, std::size_t index) {
    return {.index = static_cast<vfs::FileIndex>(index),
            .name = row.path.substr(row.path.rfind('/') + 1),
            .mode = mode_of(row),
            .readable = is_readable(row),
            .writable = true,  // a write of those that are not is store()'s affair
            .notify = row.triggered            ? vfs::Notify::kTriggered
                      : row.records != nullptr ? vfs::Notify::kModified
                                               : vfs::Notify::kNone,
            .write_max_bytes = kWriteMost,
            .at_start_only = row.at_start_only,
            .permanent = true,
            .records = row.records != nullptr};
}

std::string_view placeholder_of(std::string_view pattern) {
    const std::size_t open = pattern.find('{');
    return open == std::string_view::npos ? std::string_view{}
                                          : pattern.substr(open, pattern.find('}') + 1 - open);
}

}  // namespace

struct ProcFs::Directory {
    std::string pattern;  ///< with a leading slash; the root's is empty
    std::vector<vfs::FileInfo> files;

    std::string_view placeholder() const { return placeholder_of(pattern); }
    /// The name has a number, and not only that of a directory above.
    bool numbered() const {
        return pattern.find('{') > pattern.rfind('/') && pattern.find('{') != std::string::npos;
    }
};

ProcFs::ProcFs(const ProcSources& sources)
    : sources_(sources),
      rows_(all_proc_files()),
      services_(new ProcServices{.engine = sources.engine,
                                 .engine_mutex = sources.engine_mutex,
                                 .tasks = sources.tasks,
                                 .cgroup_fs = sources.cgroup_fs,
                                 .log = sources.log,
                                 .wake = sources.wake,
                                 .memory_blocks = memory_blocks(sources.engine.machine_stat())}) {
    directories_.push_back({});
    for (std::size_t i = 0; i < rows_.size(); i++) {
        const bool no_log = rows_[i]->records != nullptr && sources_.log == nullptr;
        if (exists_in(*rows_[i], sources_.engine.profile()) && !no_log) {
            add_row(i);
        }
    }
}

ProcFs::~ProcFs() = default;

void ProcFs::add_row(std::size_t index) {
    const ProcFile& row = *rows_[index];
    const std::string_view placeholder = placeholder_of(row.path);
    if (placeholder.empty()) {
        fixed_paths_.emplace(row.path);
    } else if (placeholder != kPid) {
        numbered_rows_.push_back(index);
    }
    const std::size_t directory = directory_of(row.path.substr(0, row.path.rfind('/')));
    directories_[directory].files.push_back(info_of(row, index));
}

std::size_t ProcFs::directory_of(std::string_view pattern) {
    for (std::size_t i = 0; i < directories_.size(); i++) {
        if (directories_[i].pattern == pattern) {
            return i;
        }
    }
    directory_of(pattern.substr(0, pattern.rfind('/')));
    directories_.push_back({.pattern = std::string(pattern), .files = {}});
    return directories_.size() - 1;
}

const ProcFs::Directory& ProcFs::directory(vfs::DirKey dir) const {
    const std::uint64_t index = (static_cast<std::uint64_t>(dir) & kIndexMask) - 1;
    MEMCGFS_ASSERT(index < directories_.size());
    return directories_[index];
}

vfs::DirKey ProcFs::root() const { return key_of(0, 0); }

std::uint32_t ProcFs::count_of(std::string_view placeholder) const {
    if (placeholder == kBlock) {
        return static_cast<std::uint32_t>(services_->memory_blocks.size());
    }
    return placeholder == kNode ? sources_.engine.node_count() : 0;
}

bool ProcFs::has(std::string_view path) const {
    if (fixed_paths_.contains(std::string(path))) {
        return true;
    }
    return std::any_of(numbered_rows_.begin(), numbered_rows_.end(), [&](std::size_t index) {
        const std::string_view pattern = rows_[index]->path;
        const auto number = match_path(pattern, path);
        return number && *number < count_of(placeholder_of(pattern));
    });
}

std::vector<std::string> ProcFs::fixed_directories(vfs::DirKey dir) const {
    const std::string prefix = directory(dir).pattern + "/";
    std::vector<std::string> names;
    for (const Directory& child : directories_) {
        if (!child.pattern.starts_with(prefix) ||
            child.pattern.find('/', prefix.size()) != std::string::npos) {
            continue;
        }
        const std::string name = child.pattern.substr(prefix.size());
        if (!child.numbered()) {
            names.push_back(name);
            continue;
        }
        const std::string stem = name.substr(0, name.find('{'));
        for (std::uint32_t number = 0; number < count_of(child.placeholder()); number++) {
            names.push_back(stem + std::to_string(number));
        }
    }
    return names;
}

bool ProcFs::want_process(std::int32_t pid) {
    const MutexLock lock(mutex_);
    const auto found = processes_.find(pid);
    if (found == processes_.end()) {
        return false;
    }
    found->second.wanted++;
    return true;
}

std::vector<ProcFs::Process> ProcFs::processes() const {
    const MutexLock lock(mutex_);
    std::vector<Process> all;
    all.reserve(processes_.size());
    for (const auto& [pid, entry] : processes_) {
        all.push_back({pid, entry.wanted});
    }
    return all;
}

std::size_t ProcFs::process_count() const {
    const MutexLock lock(mutex_);
    return processes_.size();
}

void ProcFs::let_go(const Process& process) {
    const MutexLock lock(mutex_);
    const auto found = processes_.find(process.pid);
    if (found != processes_.end()) {
        found->second.let_go_at = process.wanted;
    }
}

std::span<const vfs::FileInfo> ProcFs::files(vfs::DirKey dir) { return directory(dir).files; }

std::uint64_t ProcFs::files_version(vfs::DirKey) { return 0; }

bool ProcFs::keeps_name(vfs::DirKey dir) { return directory(dir).placeholder() != kPid; }

Result<std::uint32_t> ProcFs::number_of(vfs::DirKey dir) const {
    if (directory(dir).placeholder() != kPid) {
        return static_cast<std::uint32_t>(number_in(dir));
    }
    const MutexLock lock(mutex_);
    const auto found = pid_of_serial_.find(number_in(dir));
    if (found == pid_of_serial_.end()) {
        return Err(Errno::kENODEV);
    }
    return static_cast<std::uint32_t>(found->second);
}

bool ProcFs::alive(vfs::DirKey dir, vfs::FileIndex) { return number_of(dir).ok(); }

Result<ProcContext> ProcFs::context_of(const vfs::FileContext& context) const {
    const auto index = static_cast<std::size_t>(context.file);
    MEMCGFS_ASSERT(index < rows_.size());
    return ProcContext{.file = *rows_[index],
                       .services = *services_,
                       .number = MEMCGFS_TRY(number_of(context.dir)),
                       .opener = context.opener,
                       .caller = context.caller,
                       .state = context.state,
                       .open = context.open};
}

Result<void> ProcFs::show(const vfs::FileContext& context, TextBuffer& out) {
    const ProcContext request = MEMCGFS_TRY(context_of(context));
    if (sources_.before_show) {
        sources_.before_show();
    }
    if (request.file.machine != nullptr) {
        engine::MachineStat stat;
        {
            const MutexLock lock(sources_.engine_mutex);
            stat = sources_.engine.machine_stat();
        }
        request.file.machine({sources_.engine.profile(), stat},
                             static_cast<engine::NodeId>(request.number), out);
        return {};
    }
    if (request.file.show == nullptr) {
        return Err(Errno::kEINVAL);
    }
    return request.file.show(request, out);
}

Result<vfs::StoreOutcome> ProcFs::read_record(const vfs::FileContext& context,
                                              const vfs::RecordRead& read) {
    const ProcContext request = MEMCGFS_TRY(context_of(context));
    return request.file.records->read(request, read);
}

void ProcFs::seek_record(const vfs::FileContext& context, vfs::RecordPlace place) {
    if (const auto request = context_of(context); request.ok()) {
        request->file.records->seek(*request, place);
    }
}

short ProcFs::poll_records(const vfs::FileContext& context) {
    const auto request = context_of(context);
    return request.ok() ? request->file.records->poll(*request) : short{0};
}

// DEVIATION(empty-write): a text of no bytes never comes here.
Result<vfs::StoreOutcome> ProcFs::store(const vfs::FileContext& context, std::string_view text) {
    const ProcContext request = MEMCGFS_TRY(context_of(context));
    if (request.file.store == nullptr) {
        // Those of a process have operations of their own, which lack one.
        return Err(request.file.path.find(kPid) == std::string_view::npos ? Errno::kEIO
                                                                          : Errno::kEINVAL);
    }
    return request.file.store(request, text);
}

Result<vfs::DirKey> ProcFs::mkdir(vfs::DirKey parent, std::string_view name,
                                  const vfs::Credentials& creator) {
    if (creator.pid != kMakerPid) {
        return Err(directory(parent).pattern.starts_with("/proc") ? Errno::kENOENT : Errno::kEPERM);
    }
    const std::string path = directory(parent).pattern + "/" + std::string(name);
    for (std::size_t i = 0; i < directories_.size(); i++) {
        const auto number = match_path(directories_[i].pattern, path);
        if (directories_[i].pattern == path) {
            return key_of(i, number_in(parent));
        }
        if (!number || !directories_[i].numbered()) {
            continue;
        }
        if (directories_[i].placeholder() != kPid) {
            return key_of(i, *number);
        }
        const MutexLock lock(mutex_);
        const std::uint64_t serial = next_serial_++;
        processes_[static_cast<std::int32_t>(*number)] = {.serial = serial};
        pid_of_serial_[serial] = static_cast<std::int32_t>(*number);
        return key_of(i, serial);
    }
    return Err(Errno::kENOENT);
}

Result<void> ProcFs::rmdir(vfs::DirKey dir) {
    if (directory(dir).placeholder() != kPid) {
        return Err(Errno::kEPERM);
    }
    const MutexLock lock(mutex_);
    const auto pid = pid_of_serial_.find(number_in(dir));
    if (pid == pid_of_serial_.end()) {
        return Err(Errno::kENODEV);
    }
    const auto entry = processes_.find(pid->second);
    MEMCGFS_ASSERT(entry != processes_.end());
    if (entry->second.let_go_at != entry->second.wanted) {
        return Err(Errno::kEPERM);
    }
    processes_.erase(entry);
    pid_of_serial_.erase(pid);
    return {};
}

Result<void> ProcFs::rename(vfs::DirKey, std::string_view) { return Err(Errno::kEPERM); }

Result<vfs::StoreOutcome> ProcFs::control(const vfs::FileContext&, std::span<std::byte>) {
    return Err(Errno::kENOTTY);
}

}  // namespace memcgfs::interface
