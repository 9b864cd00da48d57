// SPDX-License-Identifier: MIT
#include "cli/swap_header.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace memcgfs::cli {
namespace {

constexpr std::string_view kSignature = "SWAPSPACE2";
constexpr std::size_t kInfoOffset = 1024;  // behind a boot loader's place

struct Info {
    std::uint32_t version = 1;
    std::uint32_t last_page = 0;
};

using Page = std::array<char, kPageSize>;

}  // namespace

Result<Pages> read_swap_header(int file) {
    Page page{};
    const ssize_t length = pread(file, page.data(), page.size(), 0);
    if (length < 0) {
        return Err(static_cast<Errno>(errno));
    }
    const std::string_view signature(page.data() + page.size() - kSignature.size(),
                                     kSignature.size());
    Info info;
    std::memcpy(&info, page.data() + kInfoOffset, sizeof(info));
    if (static_cast<std::size_t>(length) < page.size() || signature != kSignature ||
        info.version != 1 || info.last_page == 0) {
        return Err(Errno::kEINVAL);
    }
    return Pages{info.last_page};
}

Result<runner::UniqueFd> make_swap_header(Pages pages, int flags) {
    Page page{};
    const Info info{.version = 1, .last_page = static_cast<std::uint32_t>(pages.count())};
    std::memcpy(page.data() + kInfoOffset, &info, sizeof(info));
    std::memcpy(page.data() + page.size() - kSignature.size(), kSignature.data(),
                kSignature.size());
    const runner::UniqueFd file(memfd_create("swap", MFD_CLOEXEC));
    constexpr mode_t kOwnerOnly = 0600;
    if (!file.valid() || fchmod(file.get(), kOwnerOnly) != 0 ||
        write(file.get(), page.data(), page.size()) != static_cast<ssize_t>(page.size())) {
        return Err(Errno::kENOMEM);
    }
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    runner::UniqueFd opened(open(path.c_str(), (flags & O_ACCMODE) | O_CLOEXEC));
    if (!opened.valid()) {
        return Err(static_cast<Errno>(errno));
    }
    return opened;
}

}  // namespace memcgfs::cli
