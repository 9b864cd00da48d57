// SPDX-License-Identifier: MIT
#include "memcgfs/vfs/permission.h"

#include <set>

#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

/// Says what it is told to, and counts the questions.
class FakeRights final : public CallerRights {
public:
    bool in_group(const Credentials&, gid_t group) override {
        questions++;
        return groups.contains(group);
    }
    bool capable(const Credentials&, Capability capability, uid_t, gid_t) override {
        questions++;
        return capabilities.contains(capability);
    }

    std::set<gid_t> groups;
    std::set<Capability> capabilities;
    int questions = 0;
};

constexpr uid_t kOwner = 10;
constexpr gid_t kGroup = 20;
constexpr Credentials kOwning{kOwner, 21, 1};
constexpr Credentials kMember{11, kGroup, 1};
constexpr Credentials kStranger{11, 21, 1};

Attributes node_of(mode_t mode) {
    Attributes node;
    node.mode = mode;
    node.uid = kOwner;
    node.gid = kGroup;
    return node;
}

struct Asked {
    FakeRights rights;
    int access(mode_t mode, Access wanted, const Credentials& caller) {
        return error_of(check_access(node_of(mode), wanted, caller, rights));
    }
    int change(mode_t mode, const AttributeChange& change, const Credentials& caller,
               const ChangeOrigin& origin = {}) {
        return error_of(check_change(node_of(mode), change, origin, caller, rights));
    }
};

TEST_CASE("one digit of the mode counts", "[permission]") {
    Asked a;
    CHECK(a.access(S_IFREG | 0400, Access::kRead, kOwning) == 0);
    CHECK(a.access(S_IFREG | 0400, Access::kRead | Access::kWrite, kOwning) == EACCES);
    CHECK(a.access(S_IFREG | 0066, Access::kRead, kOwning) == EACCES);
    CHECK(a.access(S_IFREG | 0060, Access::kRead | Access::kWrite, kMember) == 0);
    CHECK(a.access(S_IFREG | 0606, Access::kRead, kMember) == EACCES);
    CHECK(a.access(S_IFREG | 0660, Access::kRead, kStranger) == EACCES);
    CHECK(a.access(S_IFREG | 0004, Access::kRead, kStranger) == 0);
    CHECK(a.access(S_IFREG | 0000, Access::kNone, kStranger) == 0);
}

TEST_CASE("supplementary groups are asked for where they make a difference", "[permission]") {
    Asked a;
    CHECK(a.access(S_IFREG | 0664, Access::kRead, kStranger) == 0);
    CHECK(a.access(S_IFDIR | 0755, Access::kExecute, kStranger) == 0);
    CHECK(a.access(S_IFREG | 0640, Access::kRead, kMember) == 0);
    CHECK(a.access(S_IFREG | 0600, Access::kWrite, kOwning) == 0);
    CHECK(a.rights.questions == 0);
    a.rights.groups = {kGroup};
    CHECK(a.access(S_IFREG | 0640, Access::kRead, kStranger) == 0);
    CHECK(a.rights.questions == 1);
    CHECK(a.access(S_IFREG | 0604, Access::kRead, kStranger) == EACCES);
}

TEST_CASE("capabilities help where the mode does not", "[permission]") {
    Asked a;
    a.rights.capabilities = {Capability::kDacReadSearch};
    CHECK(a.access(S_IFREG | 0000, Access::kRead, kStranger) == 0);
    CHECK(a.access(S_IFREG | 0000, Access::kRead | Access::kWrite, kStranger) == EACCES);
    CHECK(a.access(S_IFREG | 0111, Access::kRead | Access::kExecute, kOwning) == EACCES);
    CHECK(a.access(S_IFDIR | 0000, Access::kRead | Access::kExecute, kStranger) == 0);
    CHECK(a.access(S_IFDIR | 0000, Access::kWrite | Access::kExecute, kStranger) == EACCES);
    a.rights.capabilities = {Capability::kDacOverride};
    CHECK(a.access(S_IFREG | 0000, Access::kRead | Access::kWrite, kStranger) == 0);
    CHECK(a.access(S_IFREG | 0000, Access::kExecute, kStranger) == EACCES);
    CHECK(a.access(S_IFREG | 0100, Access::kExecute, kStranger) == 0);
    CHECK(a.access(S_IFDIR | 0000, Access::kWrite | Access::kExecute, kStranger) == 0);
    a.rights.capabilities = {Capability::kFowner, Capability::kChown};
    CHECK(a.access(S_IFREG | 0000, Access::kRead, kStranger) == EACCES);
}

TEST_CASE("the owner changes modes", "[permission]") {
    Asked a;
    CHECK(a.change(S_IFREG | 0000, {.mode = 0666}, kOwning) == 0);
    CHECK(a.change(S_IFREG | 0666, {.mode = 0666}, kMember) == EPERM);
    CHECK(a.change(S_IFREG | 0666, {.mode = 0666}, kMember, {.drops_set_id = true}) == 0);
    a.rights.capabilities = {Capability::kFowner};
    CHECK(a.change(S_IFREG | 0000, {.mode = 0666}, kStranger) == 0);
}

TEST_CASE("only members set the set-group-id bit", "[permission]") {
    Asked a;
    const auto mode_after = [&](mode_t wanted) {
        return check_change(node_of(S_IFDIR | 0755), {.mode = wanted}, {}, kOwning, a.rights)
            .value()
            .mode.value();
    };
    CHECK(mode_after(02755) == 0755);
    CHECK(mode_after(04755) == 04755);
    a.rights.groups = {kGroup};
    CHECK(mode_after(02755) == 02755);
    a.rights.groups = {};
    a.rights.capabilities = {Capability::kFsetid};
    CHECK(mode_after(02755) == 02755);
}

TEST_CASE("nobody gives a node away", "[permission]") {
    Asked a;
    CHECK(a.change(S_IFREG | 0644, {.uid = kOwner}, kOwning) == 0);
    CHECK(a.change(S_IFREG | 0644, {.uid = 11}, kOwning) == EPERM);
    CHECK(a.change(S_IFREG | 0644, {.uid = 11}, kStranger) == EPERM);
    CHECK(a.change(S_IFREG | 0644, {.gid = kGroup}, kOwning) == 0);
    CHECK(a.change(S_IFREG | 0644, {.gid = 21}, kOwning) == 0);
    CHECK(a.change(S_IFREG | 0644, {.gid = 22}, kOwning) == EPERM);
    CHECK(a.change(S_IFREG | 0644, {.gid = 21}, kStranger) == EPERM);
    a.rights.groups = {22};
    CHECK(a.change(S_IFREG | 0644, {.gid = 22}, kOwning) == 0);
    a.rights.capabilities = {Capability::kChown};
    CHECK(a.change(S_IFREG | 0644, {.uid = 0, .gid = 0}, kStranger) == 0);
}

TEST_CASE("who may write may touch", "[permission]") {
    Asked a;
    const AttributeChange times{.accessed = timespec{1, 0}, .modified = timespec{1, 0}};
    CHECK(a.change(S_IFREG | 0000, times, kOwning) == 0);
    CHECK(a.change(S_IFREG | 0666, times, kStranger) == EPERM);
    CHECK(a.change(S_IFREG | 0666, times, kStranger, {.touches = true}) == 0);
    CHECK(a.change(S_IFREG | 0664, times, kStranger, {.touches = true}) == EACCES);
    a.rights.capabilities = {Capability::kFowner};
    CHECK(a.change(S_IFREG | 0000, times, kStranger) == 0);
}

TEST_CASE("a sticky directory guards what others have put there", "[permission]") {
    Asked a;
    Attributes entry = node_of(S_IFDIR | 0777);
    const auto error = [&](mode_t mode, const Credentials& caller) {
        return error_of(check_sticky(node_of(mode), entry, caller, a.rights));
    };
    entry.uid = 99;
    CHECK(error(S_IFDIR | 0777, kStranger) == 0);
    CHECK(error(S_IFDIR | 01777, kOwning) == 0);
    CHECK(error(S_IFDIR | 01777, kStranger) == EPERM);
    entry.uid = kStranger.uid;
    CHECK(error(S_IFDIR | 01777, kStranger) == 0);
    entry.uid = 99;
    a.rights.capabilities = {Capability::kDacOverride};
    CHECK(error(S_IFDIR | 01777, kStranger) == EPERM);
    a.rights.capabilities = {Capability::kFowner};
    CHECK(error(S_IFDIR | 01777, kStranger) == 0);
}

TEST_CASE("a sticky directory has attributes of its owner alone", "[permission]") {
    Asked a;
    const auto error = [&](mode_t mode, const Credentials& caller) {
        return error_of(check_user_xattr(node_of(mode), caller, a.rights));
    };
    CHECK(error(S_IFDIR | 01777, kOwning) == 0);
    CHECK(error(S_IFDIR | 01777, kStranger) == EPERM);
    CHECK(error(S_IFDIR | 0777, kStranger) == 0);
    CHECK(error(S_IFREG | 01777, kStranger) == 0);
}

TEST_CASE("a directory that all may search", "[permission]") {
    CHECK(all_may_search(S_IFDIR | 0755));
    CHECK(all_may_search(S_IFDIR | 0111));
    CHECK_FALSE(all_may_search(S_IFDIR | 0750));
    CHECK_FALSE(all_may_search(S_IFDIR | 0077));
}

}  // namespace
}  // namespace memcgfs::vfs::testing
