// SPDX-License-Identifier: MIT
//
// Plays the rows of a grammar table (rows.h), on memcgfs and on a kernel: reads rows without
// answers, prints them with.
//
//   putrows DIR <ROWS      DIR: where the hierarchy with the memory controller is
//
// Rows of one file that follow each other share a group, made before the first. A file of another
// v1 controller is looked for beside DIR. A file in /proc or /sys is that very file. Rows of files
// that are not there are left out.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "rows.h"

namespace {

using memcgfs::test::TableRow;

std::string error_name(int error) {
    const char* name = strerrorname_np(error);
    return name != nullptr ? name : std::to_string(error);
}

/// The directory in which the file's controller has its root group.
std::string hierarchy_of(const std::string& top, const std::string& file) {
    const std::string prefix = file.substr(0, file.find('.'));
    const std::string beside = top + "/../" + prefix;
    struct stat found{};
    const bool other = stat((top + "/cgroup.controllers").c_str(), &found) != 0 &&
                       prefix != "cgroup" && stat(beside.c_str(), &found) == 0;
    return other ? beside : top;
}

/// The group whose file a run of rows is about; of a file outside all groups, the root directory.
class Group {
public:
    Group(const std::string& top, const std::string& file) {
        if (file.compare(0, 6, "/proc/") == 0 || file.compare(0, 5, "/sys/") == 0) {
            return;
        }
        const bool root = file[0] == '/';
        hierarchy_ = hierarchy_of(top, root ? file.substr(1) : file);
        directory_ = root ? hierarchy_ : hierarchy_ + "/putrows";
        made_ = !root && mkdir(directory_.c_str(), 0755) == 0;
    }
    ~Group() {
        if (made_) {
            const int procs = open((hierarchy_ + "/cgroup.procs").c_str(), O_WRONLY);
            (void)!write(procs, "0", 1);
            close(procs);
            if (rmdir(directory_.c_str()) != 0) {
                std::cout << "rmdir: " << error_name(errno) << '\n';
            }
        }
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    std::string path(const std::string& file) const {
        return directory_ + '/' + (file[0] == '/' ? file.substr(1) : file);
    }

private:
    std::string hierarchy_;
    std::string directory_;
    bool made_ = false;
};

std::string content(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY);
    if (file < 0) {
        return '(' + error_name(errno) + ')';
    }
    std::string text;
    char part[4096];
    ssize_t length = 0;
    while ((length = read(file, part, sizeof part)) > 0) {
        text.append(part, static_cast<std::size_t>(length));
    }
    const int error = errno;
    close(file);
    return length < 0 ? '(' + error_name(error) + ')'
                      : memcgfs::test::without_pid(text, std::to_string(getpid()));
}

/// One write(2) of a row's text with the descriptors it names open.
class Writer {
public:
    explicit Writer(const Group& group) : group_(group) {}
    ~Writer() {
        for (const int fd : open_) {
            close(fd);
        }
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    std::string write_row(const TableRow& row) {
        const int file = open(group_.path(row.file).c_str(), O_WRONLY);
        if (file < 0) {
            return "open " + error_name(errno);
        }
        open_.push_back(file);
        const std::string bytes =
            memcgfs::test::unescape(row.text, [&](std::string_view name) { return word(name); });
        const ssize_t written = write(file, bytes.data(), bytes.size());
        if (written < 0) {
            return error_name(errno);
        }
        return static_cast<std::size_t>(written) == bytes.size() ? "0" : "short";
    }

private:
    std::string word(std::string_view name) {
        if (name == "pid") {
            return std::to_string(getpid());
        }
        if (name == "closed") {
            return "999";
        }
        int pair[2] = {-1, -1};
        const std::string file(name.substr(name.find(':') + 1));
        if (name == "eventfd") {
            pair[0] = eventfd(0, 0);
        } else if (name == "pipe") {
            (void)!pipe(pair);
            open_.push_back(pair[1]);
        } else {
            pair[0] =
                open(group_.path(file).c_str(), name.substr(0, 5) == "path:" ? O_PATH : O_RDONLY);
        }
        open_.push_back(pair[0]);
        return std::to_string(pair[0]);
    }

    const Group& group_;
    std::vector<int> open_;
};

void play(const Group& group, TableRow row) {
    struct stat found{};
    if (stat(group.path(row.file).c_str(), &found) != 0) {
        return;
    }
    row.answer = Writer(group).write_row(row);
    row.now = row.read == "-" ? "" : content(group.path(row.read == "=" ? row.file : row.read));
    std::cout << memcgfs::test::format_row(row) << '\n';
}

}  // namespace

int main(int, char** arguments) {
    std::vector<TableRow> rows;
    for (std::string line; std::getline(std::cin, line);) {
        rows.push_back(memcgfs::test::parse_row(line));
    }
    for (std::size_t i = 0; i < rows.size();) {
        const std::string file = rows[i].file;
        const Group group(arguments[1], file);
        for (; i < rows.size() && rows[i].file == file; ++i) {
            play(group, rows[i]);
        }
    }
    return 0;
}
