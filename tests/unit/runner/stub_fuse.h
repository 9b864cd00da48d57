// SPDX-License-Identifier: MIT
//
// The least FUSE server that a mount is usable with: an empty root directory.
#pragma once

#include <cstdint>
#include <thread>

#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner::test {

/// Serves `fuse` on a thread until the mount has gone.
class StubFuse {
public:
    /// `deadly`: a FUSE opcode at which this process kills itself with the request taken and not
    /// answered; 0: none.
    explicit StubFuse(UniqueFd fuse, std::uint32_t deadly = 0);
    /// Waits for the mount to go.
    ~StubFuse();

private:
    void serve();

    UniqueFd fuse_;
    std::uint32_t deadly_;
    std::thread thread_;
};

}  // namespace memcgfs::runner::test
