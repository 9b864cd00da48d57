// SPDX-License-Identifier: MIT
//
// Waits for requests and reads them.
#pragma once

#include <fuse_lowlevel.h>

#include "fuse/poll_window.h"

namespace memcgfs::fuse {

/// One thread reads. Without lock.
class RequestReader {
public:
    RequestReader() = default;
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    /// Waits for the next request of `session`: its length, with the request in buffer(); 0 at the
    /// end of the session; -EINTR if a signal came first; else another negative errno.
    int read(fuse_session* session);
    fuse_buf& buffer() { return buffer_; }

private:
    int look(fuse_session* session);
    /// Whether a read that finds nothing returns at once, as long as the window is open.
    void set_looking(fuse_session* session, bool looking);

    fuse_buf buffer_{};
    PollWindow window_;
    bool looking_ = false;
};

}  // namespace memcgfs::fuse
