// SPDX-License-Identifier: MIT
//
// Opens that need not wait, although the table's rows have them: those of which it can be told
// without a look at the path that no file of the world is meant. To wait costs an open some
// microseconds and two changes of task, and most of the opens of a build are of these.
//
//   - the dynamic loader's: a program's libraries are not in /proc. They come from a system call
//     instruction of ld.so, whose place within its page is the same in all processes.
//   - the C compiler's (DEVIATION(compilers-opens)): gcc's opens of headers have flags that hardly
//     anybody else has, and a path in the first 4 GiB, where programs have their memory whose own
//     addresses are fixed.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace memcgfs::supervisor {

/// Instructions to be put before a filter: they let these calls pass, and fall through for all
/// others. Empty where nothing can be told. Between fork and exec: no locks, one thread.
std::vector<sock_filter> passing_opens();

}  // namespace memcgfs::supervisor
