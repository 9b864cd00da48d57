// SPDX-License-Identifier: MIT
//
// /proc/pressure (kernel/sched/psi.c, 4.20 to 6.12): the pressure files of the v2 root, which is
// the system's, but for the parser: of at most 32 bytes the last one does not count.
#include <array>

#include "interface/pressure_files.h"
#include "interface/proc_services.h"
#include "interface/proc_tables.h"
#include "interface/services.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

constexpr std::size_t kTextMost = 32;

engine::Cgroup& system_group(ProcServices& services) {
    return *services.engine.default_hierarchy().root;
}

StoreContext root_context(const ProcContext& context) {
    ProcServices& services = context.services;
    return {{.engine = services.engine,
             .group = system_group(services),
             .services = services.cgroup_fs.services(),
             .opener = context.opener,
             .caller = context.caller,
             .state = context.state,
             .open = vfs::OpenId{static_cast<std::uint64_t>(context.open) | kProcTrigger}}};
}

std::string_view trigger_text(std::string_view text) {
    text = text.substr(0, kTextMost);
    return until_nul(text.substr(0, text.size() - 1));
}

Result<void> show_memory(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    const StoreContext root = root_context(context);
    return root.group.is_v2() ? show_memory_pressure(root, out) : show_no_pressure(root, out);
}

Result<void> show_idle(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    return show_no_pressure(root_context(context), out);
}

Result<vfs::StoreOutcome> store_memory(const ProcContext& context, std::string_view text) {
    const MutexLock lock(context.services.engine_mutex);
    StoreContext root = root_context(context);
    return root.group.is_v2() ? store_memory_trigger(root, trigger_text(text))
                              : store_idle_trigger(root, trigger_text(text));
}

Result<vfs::StoreOutcome> store_idle(const ProcContext& context, std::string_view text) {
    const MutexLock lock(context.services.engine_mutex);
    StoreContext root = root_context(context);
    return store_idle_trigger(root, trigger_text(text));
}

constexpr mode_t kMode = 0666;
constexpr engine::KernelVersion kPsi{4, 19};  // Alibaba's 4.19 has it, too

/// What only simulated CPUs and disks could have.
constexpr ProcFile idle_file(std::string_view path) {
    return {.path = path,
            .since = kPsi,
            .show = show_idle,
            .store = store_idle,
            .triggered = true,
            .mode = kMode,
            .fidelity = Fidelity::kStoredOnly,
            .doc = "Reads 0; triggers are taken and never fire."};
}

constexpr auto kFiles = std::to_array<ProcFile>({
    idle_file("/proc/pressure/cpu"),
    idle_file("/proc/pressure/io"),
    {
        .path = "/proc/pressure/memory",
        .since = kPsi,
        .show = show_memory,
        .store = store_memory,
        .triggered = true,
        .mode = kMode,
        .doc = "Pressure stall times of the machine's memory, and triggers; 0 without v2.",
    },
});

}  // namespace

std::span<const ProcFile> pressure_proc_files() { return kFiles; }

}  // namespace memcgfs::interface
