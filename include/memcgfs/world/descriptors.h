// SPDX-License-Identifier: MIT
//
// Open descriptors of other processes: looked at through /proc, and eventfds taken over.
//
// A program names its eventfd by number when it writes to cgroup.event_control. The kernel looks
// the number up in the writer's table; this process has to ask for a copy (pidfd_getfd(2), 5.6),
// which takes the right to trace the writer: same user or CAP_SYS_PTRACE, and Yama's consent.
//
// Threads: any; no locks. Nothing here makes a request to the daemon's own mount: files are
// looked at without asking their file system (AT_STATX_DONT_SYNC), and none but eventfds is
// copied.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::world {

/// A program's eventfd.
class EventFd {
public:
    virtual ~EventFd() = default;
    /// Adds 1 to its counter, which wakes its readers.
    virtual void signal() = 0;
    /// False once no process has it open any more.
    virtual bool held() = 0;
};

/// What a descriptor stands for, as far as the kernel knows by itself.
struct OpenedFile {
    dev_t device = 0;
    ino_t inode = 0;
    bool regular = false;
};

/// The eventfd that is `number` in the thread's table. EBADF: not open; EINVAL: no eventfd; EPERM
/// and others of pidfd_getfd(2) where copying is not allowed; ESRCH: no such thread.
Result<std::unique_ptr<EventFd>> share_eventfd(pid_t thread, std::uint32_t number);

/// EBADF: not open, or O_PATH; EACCES where looking is not allowed.
Result<OpenedFile> look_at_descriptor(pid_t thread, std::uint32_t number);

/// The devices on which the thread has a file of this inode number open.
std::vector<dev_t> devices_with_open_inode(pid_t thread, ino_t inode);

}  // namespace memcgfs::world
