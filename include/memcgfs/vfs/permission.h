// SPDX-License-Identifier: MIT
//
// May somebody look at, change or search a node? The kernel's rules for a file system without
// access control lists, for a server whose kernel does not ask them itself.
//
// Counterparts: generic_permission() and check_sticky() (fs/namei.c), setattr_prepare(),
// may_setattr() and chown_ok() (fs/attr.c), xattr_permission() (fs/xattr.c), 6.1. A kernel that is
// not to check permissions of a FUSE file system does not see its sticky bits. What a caller is
// beyond its user and group is asked of CallerRights, and only where the answer depends on it.
//
// Threads: functions of their arguments, without locks; CallerRights may read files, so no lock is
// to be held.
#pragma once

#include <cstdint>

#include "memcgfs/base/result.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::vfs {

/// What somebody wants to do to a node: bits as in the last digit of a mode.
enum class Access : std::uint8_t {
    kNone = 0,
    kExecute = 1,  ///< of a directory: to search it
    kWrite = 2,
    kRead = 4,
};
constexpr Access operator|(Access left, Access right) {
    return static_cast<Access>(static_cast<unsigned>(left) | static_cast<unsigned>(right));
}
constexpr bool has(Access access, Access part) {
    return (static_cast<unsigned>(access) & static_cast<unsigned>(part)) != 0;
}

/// Numbers of capabilities(7).
enum class Capability : std::uint8_t {
    kChown = 0,
    kDacOverride = 1,
    kDacReadSearch = 2,
    kFowner = 3,
    kFsetid = 4,
};

/// What a request does not say of its caller.
class CallerRights {
public:
    virtual ~CallerRights() = default;

    /// Whether `group` is one of the caller's supplementary groups.
    virtual bool in_group(const Credentials& caller, gid_t group) = 0;
    /// Whether the caller has the capability over what belongs to this user and group
    /// (capable_wrt_inode_uidgid(), 6.1).
    virtual bool capable(const Credentials& caller, Capability capability, uid_t uid,
                         gid_t gid) = 0;
};

/// EACCES.
Result<void> check_access(const Attributes& node, Access wanted, const Credentials& caller,
                          CallerRights& rights);

/// May the caller take an entry, or put it elsewhere, that the directory has? As far as the
/// directory is sticky; whether it may be written to is check_access(). EPERM.
Result<void> check_sticky(const Attributes& directory, const Attributes& entry,
                          const Credentials& caller, CallerRights& rights);

/// May the caller write an extended attribute user.*? As far as the node is a sticky directory.
/// EPERM.
Result<void> check_user_xattr(const Attributes& node, const Credentials& caller,
                              CallerRights& rights);

/// How a change came about, where the change itself does not tell.
struct ChangeOrigin {
    bool touches = false;  ///< both times become now: who may write may do that, too
    /// The new mode lacks set-user-id and set-group-id bits because of something else that the
    /// caller has done, and needs no right.
    bool drops_set_id = false;
};

/// May the caller change the node so? The change to make, which lacks the set-group-id bit where
/// the caller may not set it. EPERM; EACCES of who may not write and so not touch.
Result<AttributeChange> check_change(const Attributes& node, const AttributeChange& change,
                                     const ChangeOrigin& origin, const Credentials& caller,
                                     CallerRights& rights);

/// Whether nobody at all is kept from searching the directory.
constexpr bool all_may_search(mode_t mode) {
    return (mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == (S_IXUSR | S_IXGRP | S_IXOTH);
}

}  // namespace memcgfs::vfs
