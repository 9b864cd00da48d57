// SPDX-License-Identifier: MIT
//
// One file of /proc or /sys that tells of the simulated machine or of a process's groups is one
// row: where it is, since when, what it does.
//
// Counterpart: struct ctl_table, proc_create() and the attributes of the drivers' core (6.1).
// Nothing but a row and its functions knows a file's path.
//
// Threads: rows are constant. Their functions are called under the open file's lock alone and
// take the engine lock themselves; the task table is asked while that is not held.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/base/text_buffer.h"
#include "memcgfs/engine/profile.h"
#include "memcgfs/interface/cftype.h"
#include "memcgfs/interface/machine_files.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::interface {

struct ProcFile;
struct ProcServices;

/// What a show or store function gets.
struct ProcContext {
    const ProcFile& file;
    ProcServices& services;
    /// What stands for {node} or {pid} in the path; 0 without any of them.
    std::uint32_t number = 0;
    vfs::Credentials opener;
    vfs::Credentials caller;
    std::unique_ptr<vfs::OpenState>* state = nullptr;  ///< the open file's slot
    vfs::OpenId open{};
};

using ProcShowFunction = Result<void> (*)(const ProcContext&, TextBuffer&);
/// The text is what was written, NUL bytes included.
using ProcStoreFunction = Result<vfs::StoreOutcome> (*)(const ProcContext&, std::string_view);
/// A text made from the machine alone, which `memcgfs machine` shows too.
using MachineTextFunction = void (*)(const MachineView&, engine::NodeId, TextBuffer&);

/// What a file of records does; as the functions of vfs::Provider.
struct ProcRecords {
    Result<vfs::StoreOutcome> (*read)(const ProcContext&, const vfs::RecordRead&);
    void (*seek)(const ProcContext&, vfs::RecordPlace);
    short (*poll)(const ProcContext&);
};

struct ProcFile {
    /// Absolute. {node} is a node's number, {pid} a process's.
    std::string_view path;
    engine::KernelVersion since = kSinceEver;
    engine::KernelVersion until = kForEver;             ///< the first version without it
    bool (*present)(const engine::Profile&) = nullptr;  ///< a further condition
    MachineTextFunction machine = nullptr;              ///< instead of show
    ProcShowFunction show = nullptr;
    ProcStoreFunction store = nullptr;
    bool at_start_only = false;  ///< vfs::FileInfo::at_start_only
    /// In the place of show: the file is read record by record (vfs::Provider::read_record), and
    /// these are its records.
    const ProcRecords* records = nullptr;
    bool triggered = false;      ///< what is written asks to be woken (vfs::Notify::kTriggered)
    mode_t mode = kDerivedMode;  ///< 0444, 0200 or 0644 by the functions
    Fidelity fidelity = Fidelity::kModelled;
    std::string_view doc;  ///< one sentence for people
};

constexpr bool is_readable(const ProcFile& row) {
    return row.show != nullptr || row.machine != nullptr || row.records != nullptr;
}

constexpr mode_t mode_of(const ProcFile& row) {
    if (row.mode != kDerivedMode) {
        return row.mode;
    }
    return (is_readable(row) ? mode_t{0444} : mode_t{0}) |
           (row.store != nullptr ? mode_t{0200} : mode_t{0});
}

/// True if a kernel of this profile has the file.
bool exists_in(const ProcFile& row, const engine::Profile& profile);

/// All rows of all kernels; a row's place is its vfs::FileIndex.
std::vector<const ProcFile*> all_proc_files();

/// The number that `path` has in the place of the pattern's {...}, 0 if the pattern has none; or
/// nothing if it does not match. Numbers are decimal without leading zeros.
std::optional<std::uint32_t> match_path(std::string_view pattern, std::string_view path);

}  // namespace memcgfs::interface
