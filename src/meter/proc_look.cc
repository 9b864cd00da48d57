// SPDX-License-Identifier: MIT
#include "meter/proc_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace memcgfs::meter {

namespace {

/// The beginning of a file of the process.
std::string read_file(pid_t pid, const std::string& name) {
    std::array<char, 4096> text{};
    const int file = open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return {};
    }
    const ssize_t size = read(file, text.data(), text.size());
    close(file);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

/// What comes after the label in a file "status"; 0: nothing.
std::int64_t number_in(const std::string& status, std::string_view label) {
    const std::size_t at = status.find(label);
    return at == std::string::npos ? 0 : std::atoll(status.c_str() + at + label.size());
}

/// The same for what is told in kB.
Pages pages_in(const std::string& status, std::string_view label) {
    const auto kilobytes = static_cast<std::uint64_t>(number_in(status, label));
    return Pages{kilobytes * 1024 / kPageSize};
}

/// Of a file "stat"; 0: there is none.
char state_in(const std::string& stat) {
    const std::size_t state = stat.rfind(") ");
    return state == std::string::npos ? '\0' : stat[state + 2];
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

pid_t process_of(pid_t tid) {
    return static_cast<pid_t>(number_in(read_file(tid, "status"), "\nTgid:"));
}

pid_t parent_of(pid_t pid) {
    return static_cast<pid_t>(number_in(read_file(pid, "status"), "\nPPid:"));
}

pid_t tracer_of(pid_t tid) {
    return static_cast<pid_t>(number_in(read_file(tid, "status"), "\nTracerPid:"));
}

Pages resident_shmem(pid_t pid) { return pages_in(read_file(pid, "status"), "\nRssShmem:"); }

Pages locked_memory(pid_t pid) { return pages_in(read_file(pid, "status"), "\nVmLck:"); }

std::string comm_of(pid_t pid) {
    std::string name = read_file(pid, "comm");
    if (!name.empty()) {
        name.pop_back();  // the newline
    }
    return name;
}

bool is_ignored(pid_t tid, int signal) {
    const std::string status = read_file(tid, "status");
    const auto has = [&](const char* set) {
        const std::size_t at = status.find(set);
        if (at == std::string::npos) {
            return false;
        }
        const std::uint64_t bits =
            std::strtoull(status.c_str() + at + std::strlen(set), nullptr, 16);
        return (bits >> static_cast<unsigned>(signal - 1) & 1U) != 0;
    };
    const bool by_itself =
        signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
    return has("\nSigIgn:\t") || (by_itself && !has("\nSigCgt:\t"));
}

bool has_own_filter(pid_t pid) {
    // Ours, which answers calls, is one of them. Linux 5.9.
    return number_in(read_file(pid, "status"), "\nSeccomp_filters:") > 1;
}

std::optional<Program> program_of(pid_t pid) {
    constexpr std::size_t kProcessStart = 22;  // fields of proc(5)
    constexpr std::size_t kStackStart = 28;
    const std::string stat = read_file(pid, "stat");
    const char state = state_in(stat);
    if (state == 0 || state == 'Z' || state == 'X') {
        return std::nullopt;
    }
    std::istringstream text(stat.substr(stat.rfind(") ") + 2));
    std::array<std::string, kStackStart + 1> fields;
    for (std::size_t number = 3; number <= kStackStart; ++number) {
        text >> fields[number];
    }
    return Program{std::strtoull(fields[kProcessStart].c_str(), nullptr, 10),
                   std::strtoull(fields[kStackStart].c_str(), nullptr, 10)};
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    for (const pid_t tid : threads_of(pid)) {
        std::istringstream list(read_file(pid, fmt::format("task/{}/children", tid)));
        for (pid_t child = 0; list >> child;) {
            children.push_back(child);
        }
    }
    return children;
}

bool has_ended(pid_t pid, pid_t tid) {
    const char state = state_in(read_file(pid, fmt::format("task/{}/stat", tid)));
    return state == 0 || state == 'Z' || state == 'X';
}

bool is_foreground_job(pid_t pid) {
    const std::string stat = read_file(pid, "stat");
    const std::size_t name_end = stat.rfind(") ");
    char state = 0;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    int terminal = 0;
    pid_t foreground = 0;
    if (name_end == std::string::npos ||
        std::sscanf(stat.c_str() + name_end + 2, "%c %d %d %d %d %d", &state, &parent, &group,
                    &session, &terminal, &foreground) != 6) {
        return false;
    }
    return terminal != 0 && foreground == group && getpgid(parent) != group;
}

bool has_async_io(pid_t pid) {
    std::error_code gone;
    std::filesystem::directory_iterator file(fmt::format("/proc/{}/fd", pid), gone);
    while (!gone && file != std::filesystem::directory_iterator()) {
        std::error_code closed;
        if (std::filesystem::read_symlink(file->path(), closed) == "anon_inode:[io_uring]") {
            return true;
        }
        file.increment(gone);
    }
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    for (std::string line; std::getline(maps, line);) {
        if (line.ends_with("/[aio] (deleted)") || line.ends_with("/[aio]")) {
            return true;
        }
    }
    return false;
}

bool is_stopped(pid_t pid) { return state_in(read_file(pid, "stat")) == 'T'; }

}  // namespace memcgfs::meter
