// SPDX-License-Identifier: MIT
#include "meter/proc_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace memcgfs::meter {

namespace {

/// The beginning of a file of the process.
std::string read_file(pid_t pid, const char* name) {
    std::array<char, 256> text{};
    const int file = open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return {};
    }
    const ssize_t size = read(file, text.data(), text.size());
    close(file);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace

std::vector<pid_t> threads_of(pid_t pid) {
    std::vector<pid_t> threads;
    DIR* const directory = opendir(fmt::format("/proc/{}/task", pid).c_str());
    if (directory == nullptr) {
        return threads;
    }
    while (const dirent* const entry = readdir(directory)) {
        if (const int tid = std::atoi(entry->d_name); tid > 0) {
            threads.push_back(tid);
        }
    }
    closedir(directory);
    return threads;
}

std::string comm_of(pid_t pid) {
    std::string name = read_file(pid, "comm");
    if (!name.empty()) {
        name.pop_back();  // the newline
    }
    return name;
}

bool is_stopped(pid_t pid) {
    const std::string stat = read_file(pid, "stat");
    const std::size_t state = stat.rfind(") ");
    return state != std::string::npos && stat[state + 2] == 'T';
}

}  // namespace memcgfs::meter
