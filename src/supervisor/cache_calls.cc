// SPDX-License-Identifier: MIT
//
// posix_fadvise(2), of which file systems in user space are not told: POSIX_FADV_DONTNEED of a
// whole file. DEVIATION(tracked-directory): of a part nothing becomes of it.
#include <sys/stat.h>

#include <cstdint>

#include "memcgfs/supervisor/supervisor.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {

Answer answer_fadvise(const Call& call, CallAnswers& answers) {
    const runner::UniqueFd file = call.open_descriptor(call.int_argument(0));
    struct stat status{};
    if (!file.valid() || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return Answer::go_on();
    }
    const std::uint64_t length = call.argument(2);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (call.argument(1) == 0 && (length == 0 || length >= size)) {
        answers.drop_cache(status.st_dev, status.st_ino);
    }
    return Answer::go_on();
}

}  // namespace memcgfs::supervisor
