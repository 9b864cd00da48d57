// SPDX-License-Identifier: MIT
//
// Which node of a tree a descriptor refers to. Any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace memcgfs::supervisor {

/// The FUSE number of what an O_PATH descriptor refers to, without a request to its server.
/// Nothing: it is no FUSE file system's.
std::optional<std::uint64_t> fuse_node_of(int fd);

}  // namespace memcgfs::supervisor
