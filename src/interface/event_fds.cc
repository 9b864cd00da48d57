// SPDX-License-Identifier: MIT
#include "interface/event_fds.h"

#include <algorithm>
#include <utility>

namespace memcgfs::interface {

void EventFds::add(engine::EventId event, std::shared_ptr<world::EventFd> eventfd) {
    const MutexLock lock(mutex_);
    eventfds_.emplace(event, std::move(eventfd));
}

void EventFds::remove(engine::EventId event) {
    std::shared_ptr<world::EventFd> last;  // closed after the lock has been dropped
    const MutexLock lock(mutex_);
    if (const auto found = eventfds_.find(event); found != eventfds_.end()) {
        last = std::move(found->second);
        eventfds_.erase(found);
    }
}

void EventFds::deliver(const engine::EventTickEffect& effect) {
    std::shared_ptr<world::EventFd> eventfd;
    {
        const MutexLock lock(mutex_);
        if (const auto found = eventfds_.find(effect.event); found != eventfds_.end()) {
            eventfd = found->second;
        }
    }
    if (eventfd != nullptr) {
        eventfd->signal();
    }
    if (effect.last) {
        remove(effect.event);
    }
}

std::vector<engine::EventId> EventFds::closed() {
    std::map<engine::EventId, std::shared_ptr<world::EventFd>> all;
    {
        const MutexLock lock(mutex_);
        if (eventfds_.size() < next_look_) {
            return {};
        }
        all = eventfds_;
    }
    std::vector<engine::EventId> unheld;
    for (const auto& [event, eventfd] : all) {
        if (!eventfd->held()) {
            unheld.push_back(event);
        }
    }
    const MutexLock lock(mutex_);
    next_look_ = std::max(kFirstLook, (all.size() - unheld.size()) * 2);
    return unheld;
}

}  // namespace memcgfs::interface
