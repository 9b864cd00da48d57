// SPDX-License-Identifier: MIT
#include "memcgfs/vfs/permission.h"

namespace memcgfs::vfs {

namespace {

constexpr mode_t kDigit = 07;
constexpr mode_t kAnyExecute = S_IXUSR | S_IXGRP | S_IXOTH;

/// A question about one caller and one node.
class Question {
public:
    Question(const Attributes& node, const Credentials& caller, CallerRights& rights)
        : node_(node), caller_(caller), rights_(rights) {}

    bool may(Access wanted) {
        const auto bits = static_cast<mode_t>(wanted);
        return (mode_digit(bits) & bits) == bits || may_in_spite_of_mode(wanted);
    }
    bool capable(Capability capability) {
        return rights_.capable(caller_, capability, node_.uid, node_.gid);
    }
    bool is_owner() const { return caller_.uid == node_.uid; }
    bool is_owner_or_capable() { return is_owner() || capable(Capability::kFowner); }
    bool in_group(gid_t group) { return caller_.gid == group || rights_.in_group(caller_, group); }
    bool may_own_for(uid_t uid) {
        return (is_owner() && uid == node_.uid) || capable(Capability::kChown);
    }
    bool may_give_to(gid_t group) {
        return (is_owner() && (group == node_.gid || in_group(group))) ||
               capable(Capability::kChown);
    }

private:
    /// The digit of the mode that counts for the caller.
    mode_t mode_digit(mode_t bits) {
        if (is_owner()) {
            return node_.mode >> 6U & kDigit;
        }
        const mode_t group_digit = node_.mode >> 3U & kDigit;
        const mode_t others_digit = node_.mode & kDigit;
        // Which of the two is asked only where it makes a difference.
        const bool differ = ((group_digit ^ others_digit) & bits) != 0;
        return differ && in_group(node_.gid) ? group_digit : others_digit;
    }
    bool may_in_spite_of_mode(Access wanted) {
        const bool directory = S_ISDIR(node_.mode);
        const bool looks = directory ? !has(wanted, Access::kWrite) : wanted == Access::kRead;
        if (looks && capable(Capability::kDacReadSearch)) {
            return true;
        }
        const bool can_execute =
            directory || !has(wanted, Access::kExecute) || (node_.mode & kAnyExecute) != 0;
        return can_execute && capable(Capability::kDacOverride);
    }

    const Attributes& node_;
    const Credentials& caller_;
    CallerRights& rights_;
};

}  // namespace

Result<void> check_access(const Attributes& node, Access wanted, const Credentials& caller,
                          CallerRights& rights) {
    return Question(node, caller, rights).may(wanted) ? Result<void>() : Err(Errno::kEACCES);
}

Result<void> check_sticky(const Attributes& directory, const Attributes& entry,
                          const Credentials& caller, CallerRights& rights) {
    const bool may = (directory.mode & S_ISVTX) == 0 || caller.uid == directory.uid ||
                     Question(entry, caller, rights).is_owner_or_capable();
    return may ? Result<void>() : Err(Errno::kEPERM);
}

Result<void> check_user_xattr(const Attributes& node, const Credentials& caller,
                              CallerRights& rights) {
    const bool may = !S_ISDIR(node.mode) || (node.mode & S_ISVTX) == 0 ||
                     Question(node, caller, rights).is_owner_or_capable();
    return may ? Result<void>() : Err(Errno::kEPERM);
}

Result<AttributeChange> check_change(const Attributes& node, const AttributeChange& change,
                                     const ChangeOrigin& origin, const Credentials& caller,
                                     CallerRights& rights) {
    Question ask(node, caller, rights);
    AttributeChange allowed = change;
    if ((change.uid && !ask.may_own_for(*change.uid)) ||
        (change.gid && !ask.may_give_to(*change.gid))) {
        return Err(Errno::kEPERM);
    }
    if (change.mode && !origin.drops_set_id) {
        if (!ask.is_owner_or_capable()) {
            return Err(Errno::kEPERM);
        }
        if ((*change.mode & S_ISGID) != 0 && !ask.in_group(node.gid) &&
            !ask.capable(Capability::kFsetid)) {
            *allowed.mode &= ~static_cast<mode_t>(S_ISGID);
        }
    }
    if ((change.accessed || change.modified) && !ask.is_owner_or_capable()) {
        if (!origin.touches) {
            return Err(Errno::kEPERM);
        }
        if (!ask.may(Access::kWrite)) {
            return Err(Errno::kEACCES);
        }
    }
    return allowed;
}

}  // namespace memcgfs::vfs
