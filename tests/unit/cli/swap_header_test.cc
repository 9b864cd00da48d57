// SPDX-License-Identifier: MIT
#include "cli/swap_header.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("a swap area's header tells its size", "[swap-header]") {
    const auto file = make_swap_header(Pages{65535}, O_RDONLY);
    REQUIRE(file.ok());
    CHECK(*read_swap_header(file->get()) == Pages{65535});
    struct stat status{};
    REQUIRE(fstat(file->get(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0600);  // swapon(8) warns of more
    CHECK(write(file->get(), "x", 1) == -1);
    const auto writable = make_swap_header(Pages{1}, O_RDWR);
    REQUIRE(writable.ok());
    CHECK(write(writable->get(), "x", 1) == 1);
}

TEST_CASE("what has no header, or half of one, is no swap area", "[swap-header]") {
    const runner::UniqueFd file(memfd_create("file", MFD_CLOEXEC));
    CHECK(read_swap_header(file.get()).error() == Errno::kEINVAL);
    std::array<char, 4086> zeros{};
    REQUIRE(pwrite(file.get(), zeros.data(), zeros.size(), 0) == 4086);
    CHECK(read_swap_header(file.get()).error() == Errno::kEINVAL);
    REQUIRE(pwrite(file.get(), "SWAPSPACE2", 10, 4086) == 10);
    CHECK(read_swap_header(file.get()).error() == Errno::kEINVAL);  // of no pages, version 0
    CHECK(read_swap_header(-1).error() == Errno::kEBADF);
}

}  // namespace
}  // namespace memcgfs::cli
