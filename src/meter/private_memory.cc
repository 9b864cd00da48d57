// SPDX-License-Identifier: MIT
#include "meter/private_memory.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace memcgfs::meter {

std::vector<PrivateMemory> private_memory_of(pid_t pid) {
    std::vector<PrivateMemory> found;
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    for (std::string line; std::getline(maps, line);) {
        PrivateMemory memory;
        std::array<char, 5> rights{};
        unsigned long inode = 0;
        int name_at = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx %4s %*x %*s %lu %n", &memory.start, &memory.end,
                        rights.data(), &inode, &name_at) < 4 ||
            rights[3] != 'p' || inode != 0) {
            continue;
        }
        const std::string_view name = std::string_view(line).substr(
            name_at > 0 ? static_cast<std::size_t>(name_at) : line.size());
        memory.is_heap = name == "[heap]";
        if (name.empty() || memory.is_heap || name.starts_with("[stack") ||
            name.starts_with("[anon:")) {
            found.push_back(memory);
        }
    }
    return found;
}

}  // namespace memcgfs::meter
