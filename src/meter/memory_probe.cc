// SPDX-License-Identifier: MIT
#include "memcgfs/meter/memory_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace memcgfs::meter {

namespace {

/// Takes the number at the front of `text`, with blanks before it.
std::uint64_t take_number(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc{} ? number : 0;
}

}  // namespace

Result<MemoryProbe> MemoryProbe::open(std::int32_t pid) {
    const int statm = ::open(fmt::format("/proc/{}/statm", pid).c_str(), O_RDONLY | O_CLOEXEC);
    if (statm < 0) {
        return Err(errno == ENOENT ? Errno::kESRCH : static_cast<Errno>(errno));
    }
    return MemoryProbe(statm);
}

MemoryProbe::MemoryProbe(MemoryProbe&& other) noexcept : statm_(std::exchange(other.statm_, -1)) {}

MemoryProbe& MemoryProbe::operator=(MemoryProbe&& other) noexcept {
    std::swap(statm_, other.statm_);
    return *this;
}

MemoryProbe::~MemoryProbe() {
    if (statm_ >= 0) {
        close(statm_);
    }
}

Result<Pages> MemoryProbe::anon() const { return MEMCGFS_TRY(look()).anon; }

Result<MemoryProbe::Memory> MemoryProbe::look() const {
    std::array<char, 128> buffer;
    const ssize_t size = pread(statm_, buffer.data(), buffer.size(), 0);
    if (size <= 0) {
        return Err(Errno::kESRCH);
    }
    std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    const std::uint64_t mapped = take_number(text);
    const std::uint64_t resident = take_number(text);
    const std::uint64_t shared = take_number(text);
    return Memory{Pages{mapped}, Pages{resident - std::min(resident, shared)}, Pages{shared}};
}

}  // namespace memcgfs::meter
