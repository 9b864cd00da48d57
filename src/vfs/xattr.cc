// SPDX-License-Identifier: MIT
//
// Extended attributes, with the size rules of fs/kernfs/inode.c (6.1).
#include <sys/xattr.h>

#include "memcgfs/base/assert.h"
#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

constexpr std::size_t kValueBytes = 65536;
constexpr std::size_t kUserCount = 128;
constexpr std::size_t kUserBytes = 128 << 10;
constexpr std::string_view kUserPrefix = "user.";

bool is_user(std::string_view name) { return name.starts_with(kUserPrefix); }

Result<void> check_name(std::string_view name) {
    for (const std::string_view prefix :
         {kUserPrefix, std::string_view("trusted."), std::string_view("security.")}) {
        if (name.starts_with(prefix)) {
            return name.size() > prefix.size() ? Result<void>() : Err(Errno::kEINVAL);
        }
    }
    return Err(Errno::kEOPNOTSUPP);
}

}  // namespace

Result<void> Tree::setxattr(NodeId node, std::string_view name, std::string_view value, int flags) {
    MEMCGFS_TRY(check_name(name));
    if (value.size() > kValueBytes) {
        return Err(Errno::kE2BIG);
    }
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    if (found->batch == nullptr) {
        found->directory->has_stored_attributes = true;
    }
    Extra& extra = found->directory->extras[node];
    // The new value counts beside the one it replaces, as in the kernel.
    if (is_user(name) && (extra.user_xattr_count + 1 > kUserCount ||
                          extra.user_xattr_bytes + value.size() > kUserBytes)) {
        return Err(Errno::kENOSPC);
    }
    const auto old = extra.xattrs.find(name);
    if ((flags & XATTR_CREATE) != 0 && old != extra.xattrs.end()) {
        return Err(Errno::kEEXIST);
    }
    if ((flags & XATTR_REPLACE) != 0 && old == extra.xattrs.end()) {
        return Err(Errno::kENODATA);
    }
    if (is_user(name)) {
        if (old == extra.xattrs.end()) {
            extra.user_xattr_count++;
        } else {
            extra.user_xattr_bytes -= old->second.size();
        }
        extra.user_xattr_bytes += value.size();
    }
    extra.xattrs.insert_or_assign(std::string(name), std::string(value));
    return {};
}

Result<std::string> Tree::getxattr(NodeId node, std::string_view name) {
    MEMCGFS_TRY(check_name(name));
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    const auto extra = found->directory->extras.find(node);
    if (extra == found->directory->extras.end()) {
        return Err(Errno::kENODATA);
    }
    const auto value = extra->second.xattrs.find(name);
    if (value == extra->second.xattrs.end()) {
        return Err(Errno::kENODATA);
    }
    return value->second;
}

Result<std::vector<std::string>> Tree::listxattr(NodeId node) {
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    if (found->batch == nullptr) {
        found->directory->has_stored_attributes = true;  // kernfs makes the record for the list
    }
    std::vector<std::string> names;
    const auto extra = found->directory->extras.find(node);
    if (extra != found->directory->extras.end()) {
        for (const auto& [name, value] : extra->second.xattrs) {
            names.push_back(name);
        }
    }
    return names;
}

Result<void> Tree::removexattr(NodeId node, std::string_view name) {
    MEMCGFS_TRY(check_name(name));
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    const auto extra = found->directory->extras.find(node);
    if (extra == found->directory->extras.end()) {
        return Err(Errno::kENODATA);
    }
    const auto value = extra->second.xattrs.find(name);
    if (value == extra->second.xattrs.end()) {
        return Err(Errno::kENODATA);
    }
    if (is_user(name)) {
        MEMCGFS_ASSERT(extra->second.user_xattr_count > 0);
        extra->second.user_xattr_count--;
        extra->second.user_xattr_bytes -= value->second.size();
    }
    extra->second.xattrs.erase(value);
    return {};
}

}  // namespace memcgfs::vfs
