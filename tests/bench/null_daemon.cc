// SPDX-License-Identifier: MIT
#include "bench/null_daemon.h"

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string_view>
#include <vector>

namespace memcgfs::bench {

namespace {

constexpr double kForeverSeconds = 1e9;
constexpr fuse_ino_t kFileNode = 2;
constexpr std::string_view kContent = "4096\n";

struct NullTree {
    std::map<std::string, fuse_ino_t, std::less<>> directories;
    fuse_ino_t next_node = kFileNode + 1;
};

NullTree& tree_of(fuse_req_t request) {
    return *static_cast<NullTree*>(fuse_req_userdata(request));
}

struct stat stat_of(fuse_ino_t node) {
    struct stat status{};
    status.st_ino = node;
    status.st_mode = node == kFileNode ? S_IFREG | 0644 : S_IFDIR | 0755;
    status.st_nlink = node == kFileNode ? 1 : 2;
    return status;
}

void reply_entry(fuse_req_t request, fuse_ino_t node) {
    fuse_entry_param entry{};
    entry.ino = node;
    entry.attr = stat_of(node);
    entry.attr_timeout = kForeverSeconds;
    entry.entry_timeout = kForeverSeconds;
    fuse_reply_entry(request, &entry);
}

void lookup(fuse_req_t request, fuse_ino_t, const char* name) {
    if (name == std::string_view(kNullFile)) {
        reply_entry(request, kFileNode);
        return;
    }
    const NullTree& tree = tree_of(request);
    const auto found = tree.directories.find(std::string_view(name));
    if (found == tree.directories.end()) {
        fuse_reply_err(request, ENOENT);
    } else {
        reply_entry(request, found->second);
    }
}

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
    const struct stat status = stat_of(node);
    fuse_reply_attr(request, &status, kForeverSeconds);
}

void mkdir(fuse_req_t request, fuse_ino_t, const char* name, mode_t) {
    NullTree& tree = tree_of(request);
    const fuse_ino_t node = tree.next_node++;
    tree.directories.emplace(name, node);
    reply_entry(request, node);
}

void rmdir(fuse_req_t request, fuse_ino_t, const char* name) {
    NullTree& tree = tree_of(request);
    const auto found = tree.directories.find(std::string_view(name));
    if (found != tree.directories.end()) {
        tree.directories.erase(found);
    }
    fuse_reply_err(request, 0);
}

void open(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    info->direct_io = 1;
    info->noflush = 1;
    fuse_reply_open(request, info);
}

void release(fuse_req_t request, fuse_ino_t, fuse_file_info*) { fuse_reply_err(request, 0); }

void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info*) {
    const auto start = std::min(static_cast<std::size_t>(offset), kContent.size());
    const std::string_view rest = kContent.substr(start, size);
    fuse_reply_buf(request, rest.data(), rest.size());
}

void write(fuse_req_t request, fuse_ino_t, const char*, std::size_t size, off_t, fuse_file_info*) {
    fuse_reply_write(request, size);
}

}  // namespace

bool serve_null_tree(const std::string& mount_point) {
    fuse_lowlevel_ops ops{};
    ops.lookup = lookup;
    ops.getattr = getattr;
    ops.mkdir = mkdir;
    ops.rmdir = rmdir;
    ops.open = open;
    ops.release = release;
    ops.read = read;
    ops.write = write;
    NullTree tree;
    std::string name = "null";
    std::string flag = "-o";
    std::string options = "default_permissions,fsname=null";
    std::vector<char*> arguments = {name.data(), flag.data(), options.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(3, arguments.data());
    fuse_session* session = fuse_session_new(&args, &ops, sizeof(ops), &tree);
    fuse_opt_free_args(&args);
    if (session == nullptr) {
        return false;
    }
    bool served = false;
    if (fuse_session_mount(session, mount_point.c_str()) == 0) {
        served = fuse_session_loop(session) == 0;
        fuse_session_unmount(session);
    }
    fuse_session_destroy(session);
    return served;
}

}  // namespace memcgfs::bench
