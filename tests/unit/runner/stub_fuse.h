// SPDX-License-Identifier: MIT
//
// The least FUSE server that a mount is usable with: an empty root directory.
#pragma once

#include <thread>

#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner::test {

/// Serves `fuse` on a thread until the mount has gone.
class StubFuse {
public:
    explicit StubFuse(UniqueFd fuse);
    /// Waits for the mount to go.
    ~StubFuse();

private:
    void serve();

    UniqueFd fuse_;
    std::thread thread_;
};

}  // namespace memcgfs::runner::test
