// SPDX-License-Identifier: MIT
#include "cli/event_descriptors.h"

#include <algorithm>
#include <utility>

#include "cli/write_permission.h"
#include "memcgfs/world/descriptors.h"

namespace memcgfs::cli {

Result<interface::EventDescriptors> open_event(const V1Tree& v1, engine::CgroupId group,
                                               const interface::EventRequest& request,
                                               const vfs::Credentials& who) {
    auto eventfd = MEMCGFS_TRY(world::share_eventfd(who.pid, request.event_fd));
    const world::OpenedFile control =
        MEMCGFS_TRY(world::look_at_descriptor(who.pid, request.control_fd));
    const auto attributes = [&](std::string_view name) {
        return attributes_of(v1.tree, v1.root, v1.engine, v1.engine_mutex, {group, name});
    };
    const auto written = attributes("cgroup.event_control");
    if (!written) {
        return Err(Errno::kENODEV);
    }
    const auto devices = world::devices_with_open_inode(who.pid, written->inode);
    if (!control.regular ||
        std::find(devices.begin(), devices.end(), control.device) == devices.end()) {
        return Err(Errno::kEINVAL);
    }
    for (const std::string_view name : interface::kEventFiles) {
        const auto file = attributes(name);
        if (!file || file->inode != control.inode) {
            continue;
        }
        if (who.uid != 0 && !mode_allows_read(*file, who)) {
            return Err(Errno::kEACCES);
        }
        return interface::EventDescriptors { .eventfd = std::move(eventfd), .control_file = name };
    }
    return Err(Errno::kEINVAL);
}

}  // namespace memcgfs::cli
