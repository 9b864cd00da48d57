// SPDX-License-Identifier: MIT
//
// Options of mount(8), as Debian's 6.1 and 6.12 take them.
#include "memcgfs/interface/mount_options.h"

#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;

const engine::Profile& k61 = *engine::find_profile("6.1");
const engine::Profile& k612 = *engine::find_profile("6.12");

/// EINVAL at once or when the mount is made: nothing.
std::optional<V1MountRequest> v1(std::string_view list, const engine::Profile& profile = k61) {
    MountOptions options(CgroupVersion::kV1, profile);
    if (!options.add_list(list).ok()) {
        return std::nullopt;
    }
    const auto request = options.v1();
    return request.ok() ? std::optional(*request) : std::nullopt;
}

std::optional<engine::MountFlags> v2(std::string_view list, const engine::Profile& profile = k612) {
    MountOptions options(CgroupVersion::kV2, profile);
    return options.add_list(list).ok() ? std::optional(options.v2()) : std::nullopt;
}

TEST_CASE("v1 is mounted by controllers or by name", "[mount-options]") {
    const auto both = v1("rw,memory,,cpu");
    REQUIRE(both);
    CHECK(both->spec.controllers == (mask_of(Controller::kMemory) | mask_of(Controller::kCpu)));
    CHECK(v1("")->spec.controllers == v1_controllers(k61));
    CHECK(v1("all")->spec.controllers == v1_controllers(k61));
    CHECK(v1("name=x")->spec == engine::HierarchySpec{.controllers = 0, .name = "x"});
    CHECK(v1("none,name=x.y-z_0")->none);
    CHECK(v1("memory,name=x,release_agent=/bin/a,clone_children,xattr")->release_agent == "/bin/a");
    CHECK(v1("cpuset,noprefix"));
}

TEST_CASE("what v1 refuses", "[mount-options]") {
    for (const std::string_view list :
         {"nosuch", "all,memory", "none", "none,memory,name=x", "name=", "name", "name=a b",
          "name=x,name=y", "memory,noprefix", "all=1", "nsdelegate",
          "release_agent=/a,release_agent=/b,memory"}) {
        CAPTURE(list);
        CHECK(!v1(list));
    }
    CHECK(v1("name=" + std::string(63, 'x')));
    CHECK(!v1("name=" + std::string(64, 'x')));
    // Debian's 6.12 is built without these two of v1.
    CHECK(!v1("memory", k612));
    CHECK(!v1("cpuset", k612));
    CHECK(v1("pids", k612));
}

TEST_CASE("v2 has flags alone, and those of its kernel", "[mount-options]") {
    const auto none = v2("rw,");
    REQUIRE(none);
    CHECK(!none->nsdelegate);
    CHECK(!none->memory_recursiveprot);
    CHECK(v2("nsdelegate,memory_localevents")->memory_localevents);
    CHECK(v2("pids_localevents"));
    CHECK(!v2("pids_localevents", k61));
    CHECK(!v2("memory"));
    CHECK(!v2("nsdelegate=1"));
}

}  // namespace
}  // namespace memcgfs::interface
