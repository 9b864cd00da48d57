// SPDX-License-Identifier: MIT
//
// One interface file is one row: what it is, where and since when it exists, what it does.
//
// Counterpart: struct cftype (include/linux/cgroup-defs.h, 6.1). Lookup, directory order, mode,
// presence, `memcgfs files` and docs/interface-files.md derive from the rows; nothing but a row
// and its two functions knows a file's name.
//
// Threads: rows are constant. Their functions are called with the engine lock held, but for
// store_unlocked.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/base/text_buffer.h"
#include "memcgfs/engine/cgroup.h"
#include "memcgfs/engine/effect.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/engine/memcg.h"
#include "memcgfs/engine/profile.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::interface {

struct Services;

/// What a show function gets.
struct ShowContext {
    engine::Engine& engine;
    engine::Cgroup& group;
    Services& services;
    vfs::Credentials opener;
    vfs::Credentials caller;
    std::unique_ptr<vfs::OpenState>* state = nullptr;  ///< the open file's slot
    vfs::OpenId open{};

    /// The group's own memcg. Only for rows of the memory controller.
    engine::Memcg& memcg() const {
        MEMCGFS_ASSERT(group.memcg != nullptr);
        return *group.memcg;
    }
    const engine::Profile& profile() const { return engine.profile(); }
};

/// What a store function gets.
struct StoreContext : ShowContext {};

/// What a store function without the engine lock gets: the group may go at any moment.
struct UnlockedStoreContext {
    engine::CgroupId group;
    Services& services;
    vfs::Credentials opener;
    vfs::Credentials caller;
};

using ShowFunction = Result<void> (*)(const ShowContext&, TextBuffer&);
/// What a file of processes or threads lists, in one line or several.
struct Member {
    std::int32_t id = 0;  ///< of a process or thread, in the daemon's pid namespace
    /// Stands for all threads of this process, but for those with a place of their own.
    bool all_threads = false;
};
using MembersFunction = Result<std::vector<Member>> (*)(const ShowContext&);
/// The text ends before its first NUL byte. It may be empty then, and the parsers say what that
/// means.
using StoreFunction = Result<vfs::StoreOutcome> (*)(StoreContext&, std::string_view);
using UnlockedStoreFunction = Result<vfs::StoreOutcome> (*)(UnlockedStoreContext&,
                                                            std::string_view);

/// What must be on for the file to be there.
enum class Part : std::uint8_t {
    kCore,      ///< always
    kPressure,  ///< cgroup.pressure is 1
};

enum class Placement : std::uint8_t { kEverywhere, kNotOnRoot, kOnlyOnRoot };

/// How true a file is.
enum class Fidelity : std::uint8_t {
    kModelled,    ///< reading and writing act as on the kernel
    kAccounted,   ///< shows and takes what the kernel does, without the kernel's further effects
    kStoredOnly,  ///< checks and keeps its value; nothing follows from it
};

/// Processes come and go without telling: when the group lists must be brought up to date.
enum class Refresh : std::uint8_t { kNever, kOnShow, kOnStore, kBoth };

/// Mode bits follow from the functions: 0444, 0200 or 0644.
inline constexpr mode_t kDerivedMode = 07777;
inline constexpr engine::KernelVersion kSinceEver{};
inline constexpr engine::KernelVersion kForEver{0xFFFF, 0xFFFF};

struct Cftype {
    std::string_view name;
    engine::CgroupVersion version{};
    /// In groups that have it alone; none: in all.
    std::optional<engine::Controller> controller = std::nullopt;
    Part part = Part::kCore;
    Placement placement = Placement::kEverywhere;
    engine::KernelVersion since = kSinceEver;
    engine::KernelVersion until = kForEver;               ///< the first version without it
    std::optional<engine::Vendor> vendor = std::nullopt;  ///< none: every vendor
    bool (*present)(const engine::Profile&) = nullptr;    ///< a further condition
    bool delegatable = false;  ///< writable inside a cgroup namespace's root
    ShowFunction show = nullptr;
    /// Instead of show: a line for each process or thread, with its number in the reader's pid
    /// namespace. In v2 that is 0 for those outside; v1 leaves them out, sorts, and has each once.
    MembersFunction members = nullptr;
    StoreFunction store = nullptr;
    /// Instead of store, for what must ask others before it takes the engine lock.
    UnlockedStoreFunction store_unlocked = nullptr;
    Refresh refresh = Refresh::kNever;
    std::optional<engine::NotifyFile> announced_as =
        std::nullopt;        ///< the effect that says it has changed
    bool triggered = false;  ///< what is written asks to be woken (vfs::Notify::kTriggered)
    mode_t mode = kDerivedMode;
    bool line_list = false;
    /// Shows counters, statistics and limits of its memcg and nothing else: Engine::watch_content
    /// tells of every change.
    bool told = false;
    std::size_t write_max_bytes = 4096;
    Fidelity fidelity = Fidelity::kModelled;
    std::string_view doc;  ///< one sentence for people
};

constexpr bool is_writable(const Cftype& row) {
    return row.store != nullptr || row.store_unlocked != nullptr;
}

constexpr bool is_readable(const Cftype& row) {
    return row.show != nullptr || row.members != nullptr;
}

constexpr mode_t mode_of(const Cftype& row) {
    if (row.mode != kDerivedMode) {
        return row.mode;
    }
    return (is_readable(row) ? mode_t{0444} : mode_t{0}) |
           (is_writable(row) ? mode_t{0200} : mode_t{0});
}

/// True if a kernel of this profile has the file, in some directory.
bool exists_in(const Cftype& row, const engine::Profile& profile);

/// A kind of directory: all of one kind have the same files.
struct DirectoryKind {
    engine::CgroupVersion version{};
    bool root = false;
    engine::ControllerMask controllers = 0;
    bool pressure = false;
    constexpr auto operator<=>(const DirectoryKind&) const = default;
};

bool exists_in(const Cftype& row, const DirectoryKind& directory);

/// All rows of all kernels in creation order; a row's place is its vfs::FileIndex.
std::vector<const Cftype*> all_files();

namespace detail {
constexpr bool overlap(const Cftype& a, const Cftype& b) {
    const bool places = a.placement == b.placement || a.placement == Placement::kEverywhere ||
                        b.placement == Placement::kEverywhere;
    return places && a.since < b.until && b.since < a.until;
}

/// A row does something, and has one way of storing at most.
constexpr bool handlers_are_sound(const Cftype& row) {
#ifdef MEMCGFS_FUNCTION_ADDRESSES_VARY
    // g++ with the undefined-behaviour sanitizer takes no function's address for a constant.
    return !row.name.empty();
#else
    const bool does_something = is_readable(row) || is_writable(row) || row.mode != kDerivedMode;
    return does_something && (row.store == nullptr || row.store_unlocked == nullptr) &&
           (row.show == nullptr || row.members == nullptr);
#endif
}

/// For a static_assert over each table.
constexpr bool table_is_sound(std::span<const Cftype> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Cftype& row = rows[i];
        if (!handlers_are_sound(row) || row.since >= row.until || row.doc.empty() ||
            row.version != rows[0].version) {
            return false;
        }
        for (std::size_t j = 0; j < i; ++j) {
            if (rows[j].name == row.name && overlap(rows[j], row)) {
                return false;
            }
        }
    }
    return true;
}
}  // namespace detail

}  // namespace memcgfs::interface
