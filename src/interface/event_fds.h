// SPDX-License-Identifier: MIT
//
// Which eventfd belongs to which registration of the engine.
//
// Threads: any. Lock: LockRank::kLeaf; nothing is signalled under it. An eventfd that nobody has
// open any more is noticed at a later registration, as nothing tells when a program closes its
// descriptor: until then it costs a descriptor of the daemon's and ticks nobody can see.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/effect.h"
#include "memcgfs/world/descriptors.h"

namespace memcgfs::interface {

class EventFds {
public:
    /// Under the engine lock of the registration, so that no tick comes before.
    void add(engine::EventId event, std::shared_ptr<world::EventFd> eventfd);
    void remove(engine::EventId event);
    /// No lock held.
    void deliver(const engine::EventTickEffect& effect);
    /// Registrations whose eventfd is open nowhere; looks only now and then, for it takes time
    /// (all processes may be asked). No lock held.
    std::vector<engine::EventId> closed();

private:
    static constexpr std::size_t kFirstLook = 64;

    Mutex mutex_{LockRank::kLeaf};
    std::map<engine::EventId, std::shared_ptr<world::EventFd>> eventfds_ MEMCGFS_GUARDED_BY(mutex_);
    std::size_t next_look_ MEMCGFS_GUARDED_BY(mutex_) = kFirstLook;
};

}  // namespace memcgfs::interface
