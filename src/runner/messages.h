// SPDX-License-Identifier: MIT
//
// Messages with descriptors between processes, on a SOCK_SEQPACKET socket.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

struct Message {
    std::string text;  ///< empty once the other end has closed
    std::vector<UniqueFd> descriptors;
};

/// At most 4 descriptors. False: nobody is there to get it.
bool send_message(int socket, std::string_view text, std::span<const int> descriptors = {});
Message receive_message(int socket);

}  // namespace memcgfs::runner
