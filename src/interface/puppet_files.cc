// SPDX-License-Identifier: MIT
#include "interface/puppet_files.h"

#include <sys/inotify.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "memcgfs/base/text_buffer.h"

namespace memcgfs::interface {

PuppetFiles::PuppetFiles(engine::Engine& engine)
    : engine_(engine), inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

PuppetFiles::~PuppetFiles() {
    if (inotify_ >= 0) {
        close(inotify_);
    }
}

int PuppetFiles::watch(std::int32_t pid, std::uint64_t descriptor) const {
    // A magic link: leads to the file itself, whatever the mount namespaces.
    TextBuffer path;
    path.print("/proc/{}/fd/{}", pid, descriptor);
    return inotify_add_watch(inotify_, std::move(path).take().c_str(), IN_DELETE_SELF);
}

std::vector<int> PuppetFiles::ended_watches() const {
    std::vector<int> ended;
    alignas(inotify_event) char buffer[4096];
    for (;;) {
        const ssize_t size = read(inotify_, buffer, sizeof buffer);
        if (size <= 0) {
            return ended;
        }
        for (ssize_t at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer + at, sizeof event);
            if ((event.mask & (IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0) {
                ended.push_back(event.wd);
            }
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
}

std::vector<int> PuppetFiles::ended_segments(const std::vector<int>& ids) {
    std::vector<int> ended;
    for (const int id : ids) {
        shmid_ds status{};
        if (shmctl(id, IPC_STAT, &status) != 0 && (errno == EINVAL || errno == EIDRM)) {
            ended.push_back(id);
        }
    }
    return ended;
}

engine::MappingId PuppetFiles::mapping(const File& file) {
    if (file.kept_elsewhere) {
        return *file.kept_elsewhere;
    }
    auto found = caches_.find(file.key);
    if (found != caches_.end() && found->second.watch != file.watch && file.watch >= 0) {
        if (found->second.watch >= 0) {
            // Another file by the same number: the end of the first was missed.
            end(found->second.mapping);
            watched_.erase(found->second.watch);
            caches_.erase(found);
            found = caches_.end();
        } else {
            found->second.watch = file.watch;
            watched_[file.watch] = file.key;
        }
    }
    if (found == caches_.end()) {
        const Cache cache{engine_.create_mapping({}, file.kind), file.watch};
        found = caches_.emplace(file.key, cache).first;
        if (file.watch >= 0) {
            watched_[file.watch] = file.key;
        }
    }
    return found->second.mapping;
}

void PuppetFiles::truncate(const File& file) {
    if (file.kept_elsewhere) {
        return;
    }
    const auto found = caches_.find(file.key);
    if (found != caches_.end()) {
        end(std::exchange(found->second.mapping, engine_.create_mapping({}, file.kind)));
    }
}

void PuppetFiles::forget_watch(int watch) {
    const auto key = watched_.find(watch);
    if (key == watched_.end()) {
        return;
    }
    const auto cache = caches_.find(key->second);
    end(cache->second.mapping);
    caches_.erase(cache);
    watched_.erase(key);
}

void PuppetFiles::end(engine::MappingId mapping) {
    engine_.destroy_mapping(mapping);
    if (pins_.contains(mapping)) {
        ended_.insert(mapping);
    }
}

void PuppetFiles::unpin(engine::MappingId mapping) {
    const auto found = pins_.find(mapping);
    MEMCGFS_ASSERT(found != pins_.end());
    if (--found->second > 0) {
        return;
    }
    pins_.erase(found);
    if (ended_.erase(mapping) > 0) {
        engine_.destroy_mapping(mapping);
    }
}

std::vector<int> PuppetFiles::segments() const {
    std::vector<int> ids;
    for (const auto& [id, mapping] : segments_) {
        ids.push_back(id);
    }
    return ids;
}

void PuppetFiles::forget_segment(int id) {
    const auto found = segments_.find(id);
    if (found != segments_.end()) {
        engine_.destroy_mapping(found->second);
        segments_.erase(found);
    }
}

}  // namespace memcgfs::interface
