// SPDX-License-Identifier: MIT
#include "memcgfs/runner/mount_table.h"

#include <dirent.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "runner/failure.h"

extern char** environ;

namespace memcgfs::runner {
namespace {

/// The next space-separated word of `line`, which is shortened by it.
std::string_view take_word(std::string_view& line) {
    const std::size_t length = line.find(' ');
    const std::string_view word = line.substr(0, length);
    line.remove_prefix(length == std::string_view::npos ? line.size() : length + 1);
    return word;
}

template <class Number>
bool parse_decimal(std::string_view text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

/// The kernel writes space, tab, newline and backslash as \ and three octal digits.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        if (text[i] == '\\' && i + 3 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr ==
                text.data() + i + 4) {
            out.push_back(static_cast<char>(code));
            i += 3;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

bool is_empty_directory(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
    if (!stream) {
        return true;  // nobody can say; the mount will hide it all the same
    }
    while (const dirent* entry = readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            return false;
        }
    }
    return true;
}

std::optional<MountEntry> find_same(const MountIdentity& identity) {
    auto entry = mount_at(read_mount_table("/proc/self/mountinfo"), identity.mount_point);
    if (!entry || entry->id != identity.id || entry->device != identity.device) {
        return std::nullopt;
    }
    return entry;
}

bool run_fusermount(const std::string& mount_point) {
    std::string program = "fusermount3";
    std::string directory = mount_point;
    std::array<std::string, 4> flags{"-u", "-z", "-q", "--"};
    std::array<char*, 7> argv{program.data(),  flags[0].data(),  flags[1].data(), flags[2].data(),
                              flags[3].data(), directory.data(), nullptr};
    pid_t pid = -1;
    if (posix_spawnp(&pid, program.c_str(), nullptr, nullptr, argv.data(), environ) != 0) {
        return false;
    }
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

std::optional<MountEntry> parse_mount_line(std::string_view line) {
    MountEntry entry;
    unsigned major = 0;
    unsigned minor = 0;
    const std::string_view id = take_word(line);
    take_word(line);  // parent
    const std::string_view device = take_word(line);
    const std::size_t colon = device.find(':');
    if (!parse_decimal(id, entry.id) || colon == std::string_view::npos ||
        !parse_decimal(device.substr(0, colon), major) ||
        !parse_decimal(device.substr(colon + 1), minor)) {
        return std::nullopt;
    }
    entry.device = makedev(major, minor);
    take_word(line);  // root
    entry.mount_point = unescape(take_word(line));
    // Mount options and any number of optional fields, ended by a hyphen.
    while (!line.empty() && take_word(line) != "-") {
    }
    entry.fs_type = unescape(take_word(line));
    entry.source = unescape(take_word(line));
    if (entry.fs_type.empty()) {
        return std::nullopt;
    }
    return entry;
}

std::vector<MountEntry> read_mount_table(const std::string& file) {
    std::vector<MountEntry> table;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        if (std::optional<MountEntry> entry = parse_mount_line(line)) {
            table.push_back(*std::move(entry));
        }
    }
    return table;
}

std::optional<MountEntry> mount_at(const std::vector<MountEntry>& table,
                                   std::string_view mount_point) {
    for (auto entry = table.rbegin(); entry != table.rend(); ++entry) {
        if (entry->mount_point == mount_point) {
            return *entry;
        }
    }
    return std::nullopt;
}

Result<std::string, std::string> check_mount_point(const std::string& directory) {
    struct stat status{};
    if (stat(directory.c_str(), &status) != 0) {
        switch (errno) {
            case ENOENT:
                return failure(directory + " does not exist; make it with mkdir first");
            case ENOTCONN:
                return failure(directory +
                               " has the dead mount of an ended process on it; remove that with "
                               "'fusermount3 -u " +
                               directory + "'");
            default:
                return failure("cannot use " + directory, errno);
        }
    }
    if (!S_ISDIR(status.st_mode)) {
        return failure(directory + " is not a directory; name an empty one");
    }
    const std::unique_ptr<char, void (*)(void*)> resolved(realpath(directory.c_str(), nullptr),
                                                          std::free);
    if (!resolved) {
        return failure("cannot use " + directory, errno);
    }
    std::string path = resolved.get();
    const auto mounted = mount_at(read_mount_table("/proc/self/mountinfo"), path);
    if (mounted && mounted->fs_type.starts_with("fuse")) {
        return failure(path + " is a mount point of " + mounted->fs_type +
                       " already; unmount that or name another directory");
    }
    if (!is_empty_directory(path)) {
        return failure(path + " is not empty; name an empty directory");
    }
    return path;
}

Result<MountIdentity, std::string> identify_mount(const std::string& mount_point) {
    const auto entry = mount_at(read_mount_table("/proc/self/mountinfo"), mount_point);
    if (!entry) {
        return failure("nothing is mounted on " + mount_point);
    }
    return MountIdentity{mount_point, entry->id, entry->device};
}

void abort_if_same(const MountIdentity& identity) {
    const auto entry = find_same(identity);
    if (!entry || !entry->fs_type.starts_with("fuse")) {
        return;
    }
    // It is busy perhaps and stays; its connection ends all the same.
    if (umount2(identity.mount_point.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW) != 0 && errno == EPERM) {
        std::ofstream("/sys/fs/fuse/connections/" + std::to_string(minor(entry->device)) + "/abort")
            << "1";
    }
}

bool unmount_if_same(const MountIdentity& identity) {
    if (!find_same(identity)) {
        return false;
    }
    return umount2(identity.mount_point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ||
           run_fusermount(identity.mount_point);
}

}  // namespace memcgfs::runner
