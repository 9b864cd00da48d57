// SPDX-License-Identifier: MIT
//
// What the supervisor of a run answers of the machine: swap devices, sync, the kernel log, memory.
//
// Thread: the supervisor's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/kernel_log.h"
#include "memcgfs/supervisor/machine_calls.h"
#include "memcgfs/supervisor/supervisor.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class MachineAnswers final : public supervisor::MachineCalls {
public:
    /// They outlive it, and the operations that it starts.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::LiveTasks& tasks;
        OperationRunner& runner;
        interface::KernelLog& log;
        std::function<void()> flush;  ///< delivers effects
        std::string release = {};     ///< uname(2)'s; empty: the host's
    };
    explicit MachineAnswers(Parts parts);

    bool may_administer(pid_t caller) override;
    void swapon(const supervisor::SwapRequest& request, const supervisor::Reply& reply) override;
    void swapoff(const supervisor::SwapRequest& request, const supervisor::Reply& reply) override;
    void sync(std::function<void()> done) override;
    std::optional<Result<supervisor::LogText>> syslog(int type, std::size_t size) override;
    void read_log(std::size_t size, LogReader reader) override;
    supervisor::MachineMemory memory() override;
    std::string release() override { return parts_.release; }

    /// The last names of the machine's own swap devices.
    std::vector<std::string> device_names() const;
    /// What a program finds in such a device, by its path: the header of a swap area. Nothing: it
    /// is none of them.
    std::optional<Result<runner::UniqueFd>> open_device(std::string_view path,
                                                        const supervisor::OpenRequest& request);

private:
    Result<engine::SwapDevice> device_of(const supervisor::SwapRequest& request) const;
    const engine::SwapDevice* own_device(std::string_view path) const;

    Parts parts_;
    std::vector<engine::SwapDevice> devices_;  ///< that the machine was made with
};

}  // namespace memcgfs::cli
