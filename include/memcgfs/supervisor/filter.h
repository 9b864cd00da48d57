// SPDX-License-Identifier: MIT
//
// Makes some system calls of a process, and of all that come of it, wait for an answer
// (seccomp user notification: seccomp_unotify(2), SECCOMP_SET_MODE_FILTER in seccomp(2)).
//
// Which: the rows of call_table.h. All others pass at their own speed: a BPF program that looks at
// the number alone. Calls of another architecture (32-bit programs) pass, too.
#pragma once

#include <cstdint>
#include <string>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::supervisor {

/// Of the calling thread, for good; it needs CAP_SYS_ADMIN in its user namespace, or else gives up
/// set-user-id programs for ever (no_new_privs). The descriptor that Supervisor serves; until
/// someone serves it, the calls wait, and once nobody can any more they fail with ENOSYS.
/// An error is a sentence: this kernel has no such filters, or another supervisor is at work.
/// Between fork and exec: no locks, one thread.
///
/// `mappings`: calls that map private memory wait as well (CallAnswers::maps_memory), or those,
/// too, after which the kernel or another process may hold pages of it (CallAnswers::pins_memory).
enum class Mappings : std::uint8_t { kPass, kWait, kAndPinsWait };
Result<runner::UniqueFd, std::string> install_filter(Mappings mappings = Mappings::kPass);

}  // namespace memcgfs::supervisor
