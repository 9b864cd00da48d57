// SPDX-License-Identifier: MIT
#include <string>

#include "interface/proc_services.h"
#include "memcgfs/base/assert.h"
#include "memcgfs/interface/proc_fs.h"

namespace memcgfs::interface {
namespace {

constexpr mode_t kDirectoryMode = 0555;
/// So many directories of processes before the first look for those that are gone.
constexpr std::size_t kFirstDrop = 64;

vfs::Tree::Options tree_options(const ProcFs& fs, uid_t uid, gid_t gid) {
    vfs::Tree::Options options;
    options.uid = uid;
    options.gid = gid;
    options.root = fs.root();
    options.root_mode = kDirectoryMode;
    return options;
}

}  // namespace

ProcTree::ProcTree(const ProcSources& sources, Options options)
    : tasks_(sources.tasks),
      owner_({.uid = options.uid, .gid = options.gid, .pid = ProcFs::kMakerPid}),
      dropped_(std::move(options.dropped)),
      fs_(sources),
      tree_(fs_, std::move(options.wall_clock), tree_options(fs_, options.uid, options.gid)),
      drop_at_(kFirstDrop) {
    make_directories(vfs::kRootNode, fs_.root());
    const auto proc = tree_.lookup(vfs::kRootNode, "proc");
    proc_ = proc.value().node;
    if (sources.log != nullptr) {
        const auto dev = tree_.lookup(vfs::kRootNode, "dev");
        log_ = {dev.value().dir, fs_.files(dev.value().dir).front().index};
        sources.log->watch([this] { logged(); });
    }
}

ProcTree::~ProcTree() = default;

void ProcTree::make_directories(vfs::NodeId parent, vfs::DirKey key) {
    for (const std::string& name : fs_.fixed_directories(key)) {
        const auto made = tree_.mkdir(parent, name, kDirectoryMode, owner_);
        make_directories(made.value().node, made.value().dir);
    }
}

std::vector<std::string_view> ProcTree::process_files(const engine::Profile& profile) {
    constexpr std::string_view kProcess = "/proc/{pid}/";
    std::vector<std::string_view> names;
    for (const ProcFile* row : all_proc_files()) {
        if (row->path.starts_with(kProcess) && exists_in(*row, profile)) {
            names.push_back(row->path.substr(kProcess.size()));
        }
    }
    return names;
}

Result<std::int32_t> ProcTree::enter(std::int32_t pid, std::int32_t caller_tid, Of of) {
    const world::ProcessInfo process = MEMCGFS_TRY(tasks_.find(pid, caller_tid));
    const std::int32_t number = of == Of::kThread ? process.tid : process.pid;
    // A thread's directory beside those of processes: not listed in the kernel's, but there.
    if (fs_.want_process(number)) {
        return number;
    }
    if (fs_.process_count() >= drop_at_.load()) {
        drop_gone();
    }
    // Its files belong to the process's user, who may write some of them.
    vfs::Credentials owner = owner_;
    owner.uid = process.uid;
    const auto made = tree_.mkdir(proc_, std::to_string(number), kDirectoryMode, owner);
    if (!made.ok() && made.error() != Errno::kEEXIST) {
        return Err(made.error());
    }
    return number;
}

bool ProcTree::wake(const engine::PsiTriggerEffect& effect) {
    if ((effect.cookie & kProcTrigger) == 0) {
        return false;
    }
    tree_.wake(vfs::OpenId{effect.cookie & ~kProcTrigger}, effect.fired);
    return true;
}

void ProcTree::logged() {
    if (log_) {
        tree_.notify(log_->first, log_->second);
    }
}

void ProcTree::drop_gone() {
    for (const ProcFs::Process& process : fs_.processes()) {
        const auto found = tasks_.find(process.pid, 0);
        if (found.ok() || found.error() != Errno::kESRCH) {
            continue;
        }
        fs_.let_go(process);
        const std::string name = std::to_string(process.pid);
        if (tree_.rmdir(proc_, name).ok() && dropped_) {
            dropped_(proc_, name);
        }
    }
    drop_at_ = 2 * fs_.process_count() + kFirstDrop;
}

}  // namespace memcgfs::interface
