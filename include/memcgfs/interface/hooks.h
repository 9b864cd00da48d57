// SPDX-License-Identifier: MIT
//
// What the file tables ask of the object graph: facts that neither the engine nor the task table
// has. All hooks may be empty.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/event_control.h"
#include "memcgfs/vfs/provider.h"
#include "memcgfs/world/descriptors.h"

namespace memcgfs::interface {

/// What the two numbers of a registration stand for.
struct EventDescriptors {
    std::shared_ptr<world::EventFd> eventfd;
    std::string_view control_file;  ///< one of kEventFiles
};

struct Hooks {
    /// Somebody keeps what readers of told files (Cftype::told) were shown, and wants to know when
    /// it changes: Engine::watch_content at each show.
    bool watches_content = false;

    /// Answers the control channel (Provider::control). Empty: ENOTTY.
    std::function<Result<vfs::StoreOutcome>(const vfs::FileContext&, std::span<std::byte>)> control;

    /// True if `who` may write the file. Called with an open file's
    /// lock held, but neither the tree lock nor the engine lock. Empty: nobody may.
    std::function<bool(vfs::DirKey, vfs::FileIndex, const vfs::Credentials& who)> may_write;

    /// What the process has mapped of files whose page cache the engine knows, and that it does not
    /// know the process to map. Locks as for may_write. Empty: nothing.
    std::function<std::vector<engine::Engine::FileRegion>(std::int32_t pid)> mapped_files{};

    /// Finds the descriptors of an event registration in the writer's process: EBADF (not open),
    /// EINVAL (no eventfd, or no file of this group that has events), EACCES (a control file the
    /// writer may not read), and what keeps this process from copying the eventfd (EPERM). Locks as
    /// for may_write. Empty: EOPNOTSUPP.
    std::function<Result<EventDescriptors>(vfs::DirKey group, const EventRequest&,
                                           const vfs::Credentials& who)>
        open_event;
};

}  // namespace memcgfs::interface
