// SPDX-License-Identifier: MIT
//
// mount(2) and its like of a process under a real filter; the answers are scripted.
#include <fcntl.h>
#include <sys/mount.h>

#include <string>

#include "memcgfs/supervisor/mount_answers.h"
#include "supervised.h"

namespace memcgfs::supervisor {
namespace {

/// Writes down what it is asked, a sentence each; refuses what is named "no".
class ScriptedMounts final : public MountAnswers {
public:
    bool serves(pid_t) override { return serving; }
    Result<void> mount(const MountRequest& request) override {
        said = request.source + " " + request.options + " " + std::to_string(request.flags) + " " +
               (request.type == FsType::kCgroup ? "v1" : "v2");
        return request.source == "no" ? Err(Errno::kEBUSY) : Result<void>{};
    }
    Result<void> remount(const MountRequest& request) override {
        said = "again " + request.options;
        return {};
    }
    Result<void> unmount(const UnmountRequest& request) override {
        said = "unmount " + request.name + " " + std::to_string(request.flags);
        return {};
    }
    Result<std::unique_ptr<MountContext>> open_context(pid_t, FsType type) override {
        said = type == FsType::kCgroup ? "open v1" : "open v2";
        return std::unique_ptr<MountContext>(std::make_unique<Context>(said));
    }
    Result<std::unique_ptr<MountContext>> pick_context(pid_t, int) override {
        return Err(Errno::kEINVAL);
    }
    std::string said;
    bool serving = true;

private:
    class Context final : public MountContext {
    public:
        explicit Context(std::string& said) : said_(said) {}
        Result<void> set(std::string_view key, std::optional<std::string_view> value) override {
            said_.append(" ").append(key).append(value ? "=" + std::string(*value) : "");
            return key == "no" ? Err(Errno::kEINVAL) : Result<void>{};
        }
        Result<void> create() override {
            said_ += " create";
            return {};
        }
        Result<void> reconfigure() override { return Err(Errno::kEINVAL); }
        Result<runner::UniqueFd> mount(std::uint64_t attributes) override {
            said_ += " mount " + std::to_string(attributes);
            return runner::UniqueFd(memfd_create("mount", MFD_CLOEXEC));
        }

    private:
        std::string& said_;
    };
};

TEST_CASE("mounts of cgroup are asked about, and no others", "[supervisor]") {
    Supervised world;
    ScriptedMounts mounts;
    world.answers.mount_answers = &mounts;
    CHECK(world.run([] {
        const bool made = mount("src", "/tmp", "cgroup", MS_NOSUID, "memory,cpu") == 0 &&
                          mount("no", "/tmp", "cgroup2", 0, nullptr) == -1 && errno == EBUSY;
        // The kernel's own answers.
        const bool others = mount("a", "/nowhere/at/all", "cgroup", 0, nullptr) == -1 &&
                            errno == ENOENT && mount("a", "/tmp", "nosuch", 0, nullptr) == -1 &&
                            (errno == ENODEV || errno == EPERM) &&
                            umount("/nowhere/at/all") == -1 && errno == ENOENT;
        return made && others ? 0 : 1;
    }) == 0);
    CHECK(mounts.said == "no  0 v2");
}

TEST_CASE("mounts of tmpfs are asked about where they are served", "[supervisor]") {
    Supervised world;
    ScriptedMounts mounts;
    world.answers.tmpfs_answers = &mounts;
    const auto attempts = [] {
        return mount("src", "/tmp", "tmpfs", MS_NOSUID, "size=1G") == 0 &&
                       mount("a", "/nowhere/at/all", "tmpfs", 0, nullptr) == -1 && errno == ENOENT
                   ? 0
                   : 1;
    };
    SECTION("here") {
        CHECK(world.run(attempts) == 0);
        CHECK(mounts.said.starts_with("src size=1G 2 "));
    }
    SECTION("not for this caller: the kernel's own answer") {
        mounts.serving = false;
        CHECK(world.run([] {
            return mount("a", "/nowhere/at/all", "tmpfs", 0, nullptr) == -1 ? 0 : 1;
        }) == 0);
        CHECK(mounts.said.empty());
    }
}

TEST_CASE("a mount is asked about with all its words", "[supervisor]") {
    Supervised world;
    ScriptedMounts mounts;
    world.answers.mount_answers = &mounts;
    CHECK(world.run([] {
        return mount("src", "/tmp", "cgroup", MS_NOSUID | MS_RDONLY, "memory,cpu") == 0 ? 0 : 1;
    }) == 0);
    CHECK(mounts.said == "src memory,cpu 3 v1");
}

TEST_CASE("a mount is made in steps as well", "[supervisor]") {
    Supervised world;
    ScriptedMounts mounts;
    world.answers.mount_answers = &mounts;
    CHECK(world.run([] {
        const int context = fsopen("cgroup2", FSOPEN_CLOEXEC);
        if (context < 0 || fcntl(context, F_GETFD) != FD_CLOEXEC) {
            return 1;
        }
        const bool set =
            fsconfig(context, FSCONFIG_SET_STRING, "source", "s", 0) == 0 &&
            fsconfig(context, FSCONFIG_SET_FLAG, "nsdelegate", nullptr, 0) == 0 &&
            fsconfig(context, FSCONFIG_SET_FLAG, "no", nullptr, 0) == -1 && errno == EINVAL &&
            fsconfig(context, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == -1 &&
            errno == EINVAL && fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
        const int mounted = fsmount(context, 0, MOUNT_ATTR_NOEXEC);
        return set && mounted >= 0 && fcntl(mounted, F_GETFD) == 0 && fsmount(0, 0, 0) == -1 &&
                       errno != 0
                   ? 0
                   : 2;
    }) == 0);
    CHECK(mounts.said == "open v2 source=s nsdelegate no create mount 8");
}

TEST_CASE("without mounts in the world they are the kernel's affair", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        // Nothing is mounted whoever runs this: there is no such place.
        return mount("a", "/nowhere/at/all", "cgroup2", 0, nullptr) == -1 && errno == ENOENT &&
                       fsconfig(0, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == -1
                   ? 0
                   : 1;
    }) == 0);
}

}  // namespace
}  // namespace memcgfs::supervisor
