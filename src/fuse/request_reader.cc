// SPDX-License-Identifier: MIT
#include "fuse/request_reader.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

namespace memcgfs::fuse {

namespace {

Nanos now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return Nanos{std::chrono::duration_cast<std::chrono::nanoseconds>(since).count()};
}

}  // namespace

RequestReader::~RequestReader() { std::free(buffer_.mem); }

void RequestReader::set_looking(fuse_session* session, bool looking) {
    if (looking == looking_) {
        return;
    }
    const int fd = fuse_session_fd(session);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 &&
        ::fcntl(fd, F_SETFL, looking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0) {
        looking_ = looking;
    }
}

/// Like read(), but -EAGAIN when the window has passed without a request.
int RequestReader::look(fuse_session* session) {
    const Nanos start = now();
    for (;;) {
        const int size = fuse_session_receive_buf(session, &buffer_);
        if (size != -EAGAIN || now() - start > window_.length()) {
            return size;
        }
        ::sched_yield();  // the client may be waiting for this CPU
    }
}

int RequestReader::read(fuse_session* session) {
    const Nanos start = now();
    int size = -EAGAIN;
    if (looking_) {
        size = look(session);
    }
    if (size == -EAGAIN) {
        set_looking(session, false);
        size = fuse_session_receive_buf(session, &buffer_);
    }
    if (size > 0) {
        window_.request_came_after(now() - start);
        set_looking(session, window_.length() > Nanos{0});
    }
    return size;
}

}  // namespace memcgfs::fuse
