// SPDX-License-Identifier: MIT
//
// What a group keeps for controllers other than memory (struct task_group, cpuset, pids_cgroup,
// dev_cgroup and their like; 6.1). Values and their rules; no I/O, no effect but by the engine.
//
// A group has none of it until something is set: absent means as made. Engine lock held.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"
#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/id_set.h"

namespace memcgfs::engine {

/// pids.max when there is none: one more than there can be processes (PID_MAX_LIMIT).
inline constexpr std::uint64_t kPidsUnlimited = 4194305;

/// When a file was last announced as changed (struct cgroup_file).
struct FileNotice {
    std::optional<Nanos> last;
    bool timer = false;  ///< another announcement is on its way
};

struct PidsState {
    std::uint64_t max = kPidsUnlimited;
    std::uint64_t peak = 0;
    std::uint64_t refused_members = 0;  ///< forks of its members that some limit refused
    std::uint64_t refused_here = 0;     ///< forks that its own limit refused
    std::uint64_t refused_below = 0;    ///< forks that its limit or one below refused
    std::array<FileNotice, 2> notices;  ///< of pids.events and pids.events.local
};

/// Times in microseconds, as the files have them.
struct CpuState {
    std::uint64_t shares = 1024;
    bool idle = false;
    std::optional<std::uint64_t> quota_us;  ///< none: no limit
    std::uint64_t period_us = 100'000;
    std::uint64_t burst_us = 0;
};

enum class CpusetFlag : std::uint8_t {
    kCpuExclusive,
    kMemExclusive,
    kMemHardwall,
    kMemoryMigrate,
    kSchedLoadBalance,
    kSpreadPage,
    kSpreadSlab,
    kCount
};

enum class Partition : std::uint8_t { kMember, kRoot, kIsolated };

struct CpusetState {
    IdSet cpus;
    IdSet mems;
    /// Alone for a partition (6.7); empty: cpus are.
    IdSet exclusive;
    std::array<bool, static_cast<std::size_t>(CpusetFlag::kCount)> flags{};
    std::int32_t relax_domain_level = -1;
    bool pressure_enabled = false;  ///< the root's, of the whole machine
    Partition partition = Partition::kMember;
    /// Why the partition is none, which may be without a reason; none: it is one.
    std::optional<std::string> fault;

    bool& flag(CpusetFlag which) { return flags[static_cast<std::size_t>(which)]; }
    bool flag(CpusetFlag which) const { return flags[static_cast<std::size_t>(which)]; }
};

/// One entry of devices.list.
struct DeviceRule {
    static constexpr std::uint32_t kAny = UINT32_MAX;
    static constexpr std::uint8_t kMknod = 1;
    static constexpr std::uint8_t kRead = 2;
    static constexpr std::uint8_t kWrite = 4;
    static constexpr std::uint8_t kAllAccess = 7;
    char type = 'a';  ///< a, b, c
    std::uint32_t major = kAny;
    std::uint32_t minor = kAny;
    std::uint8_t access = kAllAccess;

    bool same_device(const DeviceRule& other) const {
        return type == other.type && major == other.major && minor == other.minor;
    }
};

struct DevicesState {
    bool allows = true;                  ///< what is not an exception
    std::vector<DeviceRule> exceptions;  ///< in the order of their making
};

struct BlockDevice {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    auto operator<=>(const BlockDevice&) const = default;
};

/// By IoLimit; none: no limit.
enum class IoLimit : std::uint8_t { kReadBytes, kWriteBytes, kReads, kWrites, kCount };
using IoLimits =
    std::array<std::optional<std::uint64_t>, static_cast<std::size_t>(IoLimit::kCount)>;

/// What one device was told in a group (struct blkcg_gq).
struct IoDevice {
    BlockDevice device;
    IoLimits limits{};
    std::uint32_t weight = 0;  ///< 0: the group's
};

/// The cost model of a device (struct ioc, block/blk-iocost.c), a disk that turns.
struct IoCost {
    static constexpr std::uint32_t kLatencyUs = 250'000;
    /// Reads, writes: the percentile of the latencies that counts, in hundredths of a percent.
    std::array<std::uint32_t, 2> percentile{0, 0};
    std::array<std::uint32_t, 2> latency_us{kLatencyUs, kLatencyUs};
    std::uint32_t rate_min = 100;  ///< of the device's speed, in hundredths of a percent
    std::uint32_t rate_max = 1'000'000;
    /// Reads: bytes a second, sequential and random operations a second; writes.
    std::array<std::uint64_t, 6> model{174019176, 41708, 370, 178075866, 42705, 378};
    bool enabled = false;
    bool user_qos = false;
    bool user_model = false;
};

struct IoState {
    std::vector<IoDevice> devices;  ///< the last to be named is the first
    std::uint32_t weight = 100;
    std::map<BlockDevice, IoCost, std::greater<>> costs;  ///< the root's
};

/// Sizes of huge pages that x86 has, in the order of their files.
inline constexpr std::array<std::uint64_t, 2> kHugetlbSizes = {1ULL << 30U, 2ULL << 20U};

struct HugetlbState {
    /// By size; pages of 4 KiB. Usage, then reservations.
    std::array<std::array<Pages, 2>, kHugetlbSizes.size()> max{
        {{kPageCounterMax, kPageCounterMax}, {kPageCounterMax, kPageCounterMax}}};
};

struct NetState {
    std::uint32_t classid = 0;
    std::map<std::string, std::uint32_t> priorities;  ///< by interface; absent: 0
};

struct ControllerStates {
    std::unique_ptr<PidsState> pids;
    std::unique_ptr<CpuState> cpu;
    std::unique_ptr<CpusetState> cpuset;
    std::unique_ptr<DevicesState> devices;
    std::unique_ptr<IoState> io;
    std::unique_ptr<HugetlbState> hugetlb;
    std::unique_ptr<NetState> net;

    /// As made again.
    void forget(ControllerMask controllers);
};

/// A group's states, each made when it is first set.
class ControllerSlots {
public:
    template <auto kMember>
    auto& set() {
        if (states_ == nullptr) {
            states_ = std::make_unique<ControllerStates>();
        }
        auto& slot = states_.get()->*kMember;
        if (slot == nullptr) {
            slot =
                std::make_unique<typename std::remove_reference_t<decltype(slot)>::element_type>();
        }
        return *slot;
    }
    /// As it is, or as made.
    template <auto kMember>
    auto get() const {
        using State = typename std::remove_reference_t<decltype(std::declval<ControllerStates>().*
                                                                kMember)>::element_type;
        return states_ != nullptr && states_.get()->*kMember != nullptr ? *(states_.get()->*kMember)
                                                                        : State{};
    }
    template <auto kMember>
    const auto* find() const {
        return states_ != nullptr ? (states_.get()->*kMember).get() : nullptr;
    }
    void forget(ControllerMask controllers) {
        if (states_ != nullptr) {
            states_->forget(controllers);
        }
    }

private:
    std::unique_ptr<ControllerStates> states_;
};

}  // namespace memcgfs::engine
