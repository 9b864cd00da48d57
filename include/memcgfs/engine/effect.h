// SPDX-License-Identifier: MIT
//
// What the engine wants done outside: it never does it itself.
//
// Effects are emitted under the engine lock and only queued there; the outbox (exec/) delivers
// them, in order, after the lock has been dropped and before the causing request is answered.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "memcgfs/base/operation.h"
#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

/// A new operation for the executor: a kernel thread's work item.
struct SpawnEffect {
    std::unique_ptr<Operation> operation;
};

/// Wake a sleeping or waiting operation.
struct WakeEffect {
    OperationId operation{};
};

/// SIGKILL to the process behind a task. The engine has already written the task off.
struct KillEffect {
    std::int32_t pid = 0;
    const char* reason = "";  ///< "oom" or "cgroup.kill"
};

/// Stop (freeze) or continue a task's process.
struct FreezeEffect {
    std::int32_t pid = 0;
    bool frozen = false;
};

/// A process now belongs to another set of groups; its future children inherit that.
struct MoveEffect {
    std::int32_t pid = 0;
    std::uint32_t css_set = 0;
};

enum class NotifyFile : std::uint8_t {
    kCgroupEvents,
    kMemoryEvents,
    kMemoryEventsLocal,
    kMemorySwapEvents,
    kPidsEvents,
    kPidsEventsLocal,
};

/// The contents of an events file have changed.
struct FileModifiedEffect {
    CgroupId cgroup;
    NotifyFile file{};
};

/// A group whose content is watched has changed (Engine::watch_content), or has gone.
struct ContentChangedEffect {
    CgroupId cgroup;
};

/// A registered event has happened: 1 is added to its eventfd.
struct EventTickEffect {
    EventId event;
    bool last = false;  ///< its group has gone; nothing comes after this
};

/// A pressure trigger has fired, or ended with its group.
struct PsiTriggerEffect {
    std::uint64_t cookie = 0;  ///< PsiTriggerSpec::cookie
    bool fired = false;
};

/// How grave a line of the kernel log is (include/linux/kern_levels.h).
enum class LogLevel : std::uint8_t {
    kEmergency = 0,
    kError = 3,
    kWarning = 4,
    kInfo = 6,
};

/// A v1 group with notify_on_release has become empty: `program`, named in its hierarchy's
/// release_agent, is to run with the group's path as argument (cgroup1_release_agent).
struct ReleaseAgentEffect {
    std::string program;
    std::string group;  ///< from the hierarchy's root: "/a/b"
};

/// Engine::awaited_members() has more than before.
struct AwaitMembersEffect {};

/// One line of the kernel log.
struct KernelLogEffect {
    std::string line;
    LogLevel level = LogLevel::kInfo;
};

using Effect =
    std::variant<SpawnEffect, WakeEffect, KillEffect, FreezeEffect, MoveEffect, FileModifiedEffect,
                 ContentChangedEffect, EventTickEffect, PsiTriggerEffect, ReleaseAgentEffect,
                 AwaitMembersEffect, KernelLogEffect>;

class EffectSink {
public:
    virtual ~EffectSink() = default;
    /// Only queues. Engine lock held.
    virtual void emit(Effect effect) = 0;
};

/// One typed line of the engine's history; equal seeds give equal histories.
struct TraceEvent {
    enum class Kind : std::uint8_t {
        kCharge,
        kUncharge,
        kReclaim,  ///< a = scanned, b = freed
        kWmarkQueue,
        kWmarkRun,  ///< a = target, b = freed
        kEvent,     ///< a = MemcgEvent
        kOomKill,   ///< a = pid
        kOomNotify,  ///< listeners of oom_control are told
        kThrottle,  ///< a = ticks
        kSwapOut,
        kSwapIn,
        kKswapd,    ///< one run: a = node, b = freed
        kCgroup,    ///< a = 1 made, 0 removed
        kPressure,  ///< a = scanned, b = reclaimed: one sample
    };
    Kind kind{};
    std::uint64_t memcg = 0;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
};

class Observer {
public:
    virtual ~Observer() = default;
    /// Called under the engine lock; must not call back.
    virtual void on_event(const TraceEvent& event) = 0;
};

}  // namespace memcgfs::engine
