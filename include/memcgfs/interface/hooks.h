// SPDX-License-Identifier: MIT
//
// What the file tables ask of the object graph: facts that neither the engine nor the task table
// has. All hooks may be empty.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "memcgfs/base/result.h"
#include "memcgfs/interface/event_control.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::interface {

struct Hooks {
    /// Answers the control channel (Provider::control). Empty: ENOTTY.
    std::function<Result<vfs::StoreOutcome>(const vfs::FileContext&, std::span<std::byte>)> control;

    /// True if `who` may write the file, by its owner and mode alone. Called with an open file's
    /// lock held, but neither the tree lock nor the engine lock; never for uid 0. Empty: nobody
    /// else may.
    std::function<bool(vfs::DirKey, vfs::FileIndex, const vfs::Credentials& who)> may_write;

    /// Checks the descriptors of an event registration in the writer's process: EBADF (not open),
    /// EINVAL (no eventfd, no control file of this group, see check_event_arguments), EACCES.
    /// Locks as for may_write. Empty: they are not looked at.
    std::function<Result<void>(vfs::DirKey group, const EventRequest&, const vfs::Credentials& who)>
        check_event;
};

}  // namespace memcgfs::interface
