// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/caller_rights.h"

#include <unistd.h>

#include "support/catch.hpp"

namespace memcgfs::fuse {
namespace {

/// Whoever is asked about has everything.
class AllRights final : public vfs::CallerRights {
public:
    bool in_group(const vfs::Credentials& /*caller*/, gid_t /*group*/) override { return true; }
    bool capable(const vfs::Credentials& /*caller*/, vfs::Capability /*capability*/, uid_t /*uid*/,
                 gid_t /*gid*/) override {
        return true;
    }
};

constexpr auto kCapability = vfs::Capability::kDacOverride;

TEST_CASE("an opener who has become somebody else has no further rights") {
    AllRights all;
    OpenerRights rights(all);
    const vfs::Credentials same{geteuid(), getegid(), gettid()};
    CHECK(rights.in_group(same, 7));
    CHECK(rights.capable(same, kCapability, 0, 0));

    vfs::Credentials other = same;
    other.uid = 12345;
    CHECK_FALSE(rights.in_group(other, 7));
    CHECK_FALSE(rights.capable(other, kCapability, 0, 0));
    other = same;
    other.gid = 12345;
    CHECK_FALSE(rights.in_group(other, 7));

    const vfs::Credentials gone{12345, 12345, 0};
    CHECK_FALSE(rights.capable(gone, kCapability, 0, 0));
    const vfs::Credentials root_who_has_gone{0, 0, 0};
    CHECK(rights.capable(root_who_has_gone, kCapability, 0, 0));
}

}  // namespace
}  // namespace memcgfs::fuse
