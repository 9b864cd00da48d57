// SPDX-License-Identifier: MIT
#include "cli/machine_answers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "cli/swap_header.h"
#include "memcgfs/interface/machine_files.h"

namespace memcgfs::cli {
namespace {

// swapon(2): SWAP_FLAG_PREFER and the priority below it.
constexpr int kPrefer = 0x8000;
constexpr int kPriority = 0x7FFF;

// syslog(2)'s types, which glibc has no names for.
enum SyslogType : int {
    kClose = 0,
    kOpen = 1,
    kRead = 2,
    kReadAll = 3,
    kReadClear = 4,
    kClear = 5,
    kConsoleOff = 6,
    kConsoleOn = 7,
    kConsoleLevel = 8,
    kSizeUnread = 9,
    kSizeBuffer = 10,
};
constexpr std::size_t kConsoleLevelMax = 8;

std::string path_of(const supervisor::SwapRequest& request) {
    if (!request.file.valid()) {
        return request.path;
    }
    // Where links lead.
    const std::string link = "/proc/self/fd/" + std::to_string(request.file.get());
    std::array<char, PATH_MAX> target{};
    const ssize_t length = readlink(link.c_str(), target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : request.path;
}

supervisor::LogText text_of(std::string text) {
    const auto size = static_cast<std::int64_t>(text.size());
    return {std::move(text), size};
}

/// Another reader may have been faster at any line; one that was killed takes none away.
void read_when_logged(interface::KernelLog& log, std::size_t size,
                      const supervisor::MachineCalls::LogReader& reader) {
    log.when_logged([&log, size, reader] {
        if (!reader.waits()) {
            return;
        }
        if (auto text = log.read(size)) {
            reader.done(text_of(*std::move(text)));
        } else {
            read_when_logged(log, size, reader);
        }
    });
}

}  // namespace

MachineAnswers::MachineAnswers(Parts parts) : parts_(std::move(parts)) {
    const MutexLock lock(parts_.engine_mutex);
    for (const engine::SwapStat& swap : parts_.engine.machine_stat().swaps) {
        devices_.push_back(swap.device);
    }
}

bool MachineAnswers::may_administer(pid_t caller) {
    const auto process = parts_.tasks.find(caller, caller);
    // DEVIATION(owner-may-write-root): the owner of the world stands for its root.
    return process.ok() && (process->uid == 0 || process->uid == geteuid());
}

const engine::SwapDevice* MachineAnswers::own_device(std::string_view path) const {
    const auto found = std::find_if(devices_.begin(), devices_.end(),
                                    [&](const auto& device) { return device.path == path; });
    return found != devices_.end() ? &*found : nullptr;
}

/// What is to be switched on: a device of the machine's, or one that a file's header describes.
Result<engine::SwapDevice> MachineAnswers::device_of(const supervisor::SwapRequest& request) const {
    if (const engine::SwapDevice* const own = own_device(request.path)) {
        return *own;
    }
    if (!request.file.valid()) {
        return Err(request.missing);
    }
    struct stat status{};
    if (fstat(request.file.get(), &status) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        return Err(Errno::kEISDIR);
    }
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        return Err(Errno::kEINVAL);
    }
    const std::string link = "/proc/self/fd/" + std::to_string(request.file.get());
    const runner::UniqueFd file(open(link.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) {
        return Err(static_cast<Errno>(errno));
    }
    engine::SwapDevice device = devices_.empty() ? engine::SwapDevice{} : devices_.front();
    device.pages = MEMCGFS_TRY(read_swap_header(file.get()));
    device.path = path_of(request);
    device.file = S_ISREG(status.st_mode);
    return device;
}

void MachineAnswers::swapon(const supervisor::SwapRequest& request,
                            const supervisor::Reply& reply) {
    auto device = device_of(request);
    if (!device.ok()) {
        reply(Err(device.error()));
        return;
    }
    device->priority = (request.flags & kPrefer) != 0 ? request.flags & kPriority : -1;
    const auto added = [&] {
        const MutexLock lock(parts_.engine_mutex);
        return parts_.engine.swapon(*device);
    }();
    parts_.flush();
    reply(added.ok() ? Result<std::int64_t>(0) : Err(added.error()));
}

void MachineAnswers::swapoff(const supervisor::SwapRequest& request,
                             const supervisor::Reply& reply) {
    const bool own = own_device(request.path) != nullptr;
    struct stat status{};
    if (!own && !request.file.valid()) {
        reply(Err(request.missing));
        return;
    }
    if (!own && fstat(request.file.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
        reply(Err(Errno::kEISDIR));
        return;
    }
    const std::string path = own ? request.path : path_of(request);
    const auto caller = parts_.tasks.find(0, request.caller);
    std::unique_ptr<Operation> operation;
    {
        const MutexLock lock(parts_.engine_mutex);
        const engine::Task* const task =
            caller.ok() ? parts_.engine.find_task_by_pid(caller->pid) : nullptr;
        for (const engine::SwapStat& swap : parts_.engine.machine_stat().swaps) {
            if (swap.device.path == path) {
                operation = parts_.engine.swapoff(task != nullptr ? task->id : engine::TaskId{},
                                                  swap.number);
            }
        }
    }
    if (operation == nullptr) {
        reply(Err(Errno::kEINVAL));
        return;
    }
    parts_.runner.submit(std::move(operation), [reply](const OperationResult& result) {
        reply(result.ok() ? Result<std::int64_t>(0) : Err(result.error()));
    });
}

void MachineAnswers::sync(std::function<void()> done) {
    std::unique_ptr<Operation> operation;
    {
        const MutexLock lock(parts_.engine_mutex);
        operation = parts_.engine.sync_files();
    }
    parts_.runner.submit(std::move(operation),
                         [done = std::move(done)](const OperationResult&) { done(); });
}

std::optional<Result<supervisor::LogText>> MachineAnswers::syslog(int type, std::size_t size) {
    switch (type) {
        case kClose:
        case kOpen:
        case kConsoleOff:
        case kConsoleOn:
            return supervisor::LogText{};
        case kRead:
            if (auto text = parts_.log.read(size)) {
                return text_of(*std::move(text));
            }
            return std::nullopt;
        case kReadAll:
            return text_of(parts_.log.read_all(size));
        case kReadClear: {
            std::string text = parts_.log.read_all(size);
            parts_.log.clear();
            return text_of(std::move(text));
        }
        case kClear:
            parts_.log.clear();
            return supervisor::LogText{};
        case kConsoleLevel:
            if (size < 1 || size > kConsoleLevelMax) {
                return Result<supervisor::LogText>(Err(Errno::kEINVAL));
            }
            return supervisor::LogText{};
        case kSizeUnread:
            return supervisor::LogText{{}, static_cast<std::int64_t>(parts_.log.unread_bytes())};
        case kSizeBuffer:
            return supervisor::LogText{{}, std::int64_t{interface::KernelLog::kBytes}};
        default:
            return Result<supervisor::LogText>(Err(Errno::kEINVAL));
    }
}

void MachineAnswers::read_log(std::size_t size, LogReader reader) {
    read_when_logged(parts_.log, size, reader);
}

supervisor::MachineMemory MachineAnswers::memory() {
    const engine::MachineStat stat = [&] {
        const MutexLock lock(parts_.engine_mutex);
        return parts_.engine.machine_stat();
    }();
    Pages managed{};
    Pages free{};
    for (const engine::NodeStat& node : stat.nodes) {
        for (const engine::ZoneStat& zone : node.zones) {
            managed += zone.managed;
            free += zone.free;
        }
    }
    const auto shared = static_cast<std::uint64_t>(stat.item(engine::StatItem::kShmem));
    return {.total = to_bytes(managed).count(),
            .free = to_bytes(free).count(),
            .shared = shared * kPageSize,
            .buffers = 0,
            .swap = to_bytes(stat.swap).count(),
            .swap_free = to_bytes(stat.swap - std::min(stat.swap, stat.swap_used)).count()};
}

std::vector<std::string> MachineAnswers::device_names() const {
    std::vector<std::string> names;
    for (const engine::SwapDevice& device : devices_) {
        names.push_back(device.path.substr(device.path.rfind('/') + 1));
    }
    return names;
}

std::optional<Result<runner::UniqueFd>> MachineAnswers::open_device(
    std::string_view path, const supervisor::OpenRequest& request) {
    const engine::SwapDevice* const device = own_device(path);
    if (device == nullptr) {
        return std::nullopt;
    }
    if (!may_administer(request.caller)) {
        return Result<runner::UniqueFd>(Err(Errno::kEACCES));
    }
    return make_swap_header(device->pages, request.flags);
}

}  // namespace memcgfs::cli
