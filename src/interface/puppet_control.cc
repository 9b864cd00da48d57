// SPDX-License-Identifier: MIT
#include "memcgfs/interface/puppet_control.h"

#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "interface/puppet_files.h"

namespace memcgfs::interface {

namespace {

constexpr std::size_t kRegionsMax = 1024;
constexpr std::uint64_t kObjectsMax = 65536;  ///< of one request
constexpr std::int64_t kOomScoreAdjMin = -1000;
constexpr std::int64_t kOomScoreAdjMax = 1000;
/// No offset or size above this makes sense: 4 EiB.
constexpr std::uint64_t kPagesMax = std::uint64_t{1} << 50U;

engine::TaskInfo task_info(const world::ProcessInfo& process) {
    return {.pid = process.pid,
            .uid = process.uid,
            .oom_score_adj = process.oom_score_adj,
            .comm = process.comm,
            .threads = process.threads};
}

bool names_file(ControlOp op) {
    return op == ControlOp::kMapFile || op == ControlOp::kFileIo || op == ControlOp::kTruncate ||
           op == ControlOp::kSync || op == ControlOp::kDrop;
}

}  // namespace

struct PuppetControl::Request {
    ControlMessage message;
    std::span<std::byte> bytes;  ///< where the answer goes
    PuppetFiles::File file;      ///< for operations that name one

    void answer(std::int32_t result) {
        message.result = result;
        std::memcpy(bytes.data(), &message, sizeof message);
    }
    vfs::StoreOutcome done(std::int32_t result = 0) {
        answer(result);
        return {};
    }
};

/// An engine operation whose end is told in the message; the ioctl itself then succeeds, so that
/// an interrupted request is an answer like any other.
class PuppetControl::Answer final : public Operation {
public:
    Answer(engine::OperationPtr inner, Request request)
        : inner_(std::move(inner)), request_(std::move(request)) {}

    Step step() override {
        const Step step = inner_->step();
        if (step.kind == Step::Kind::kDone) {
            const OperationResult result = inner_->result();
            request_.answer(result.ok() ? 0 : to_int(result.error()));
        }
        return step;
    }
    void interrupt() override { inner_->interrupt(); }
    OperationResult result() const override { return OperationResult{0}; }
    OperationId id() const override { return inner_->id(); }
    std::string_view name() const override { return inner_->name(); }

private:
    engine::OperationPtr inner_;
    Request request_;
};

class PuppetControl::Puppet final : public vfs::OpenState {
public:
    /// What a region's end means for its pages.
    enum class Kind : std::uint8_t { kOwn, kSegment, kFile };
    struct Region {
        engine::MappingId mapping;
        Kind kind = Kind::kOwn;
    };

    Puppet(PuppetControl& owner, std::int32_t process, engine::TaskId task_id)
        : pid(process), task(task_id), control_(owner) {}
    ~Puppet() override { control_.release(*this); }

    /// The number of a new region.
    std::uint64_t add(Region region) {
        regions.emplace(next_region, region);
        return next_region++;
    }
    bool maps(engine::MappingId mapping) const {
        for (const auto& [number, region] : regions) {
            if (region.mapping == mapping) {
                return true;
            }
        }
        return false;
    }

    const std::int32_t pid;
    const engine::TaskId task;
    std::map<std::uint64_t, Region> regions;
    std::uint64_t next_region = 1;

private:
    PuppetControl& control_;
};

PuppetControl::PuppetControl(engine::Engine& engine, Mutex& engine_mutex, world::TaskTable& tasks,
                             std::function<void()> deliver_effects)
    : engine_(engine),
      engine_mutex_(engine_mutex),
      tasks_(tasks),
      deliver_effects_(std::move(deliver_effects)),
      files_(std::make_unique<PuppetFiles>(engine)) {}

PuppetControl::~PuppetControl() = default;

int PuppetControl::descriptor() const { return files_->descriptor(); }

void PuppetControl::settle() {
    const std::vector<int> watches = files_->ended_watches();
    std::vector<int> segments;
    {
        const MutexLock lock(engine_mutex_);
        for (const int watch : watches) {
            files_->forget_watch(watch);
        }
        segments = files_->segments();
    }
    if (segments.empty()) {
        return;
    }
    segments = PuppetFiles::ended_segments(segments);
    const MutexLock lock(engine_mutex_);
    for (const int segment : segments) {
        files_->forget_segment(segment);
    }
}

Result<vfs::StoreOutcome> PuppetControl::control(const vfs::FileContext& context,
                                                 std::span<std::byte> message) {
    Request request;
    request.bytes = message;
    if (message.size() != sizeof request.message) {
        return Err(Errno::kENOTTY);
    }
    std::memcpy(&request.message, message.data(), sizeof request.message);
    if (request.message.magic != kControlMagic || request.message.version != kControlVersion) {
        return Err(Errno::kENOTTY);
    }
    if (request.message.op == ControlOp::kAsk) {
        auto& args = request.message.args;
        const bool is_pid = args[0] <= std::numeric_limits<std::int32_t>::max();
        const auto found = is_pid
                               ? tasks_.find(static_cast<std::int32_t>(args[0]), context.caller.pid)
                               : Err(Errno::kESRCH);
        if (!found.ok()) {
            return request.done(to_int(found.error()));
        }
        const Charged answer = charged(found->pid);
        args = {static_cast<std::uint64_t>(answer.tier), answer.pages.count()};
        return request.done();
    }
    settle();
    world::ProcessInfo process = MEMCGFS_TRY(tasks_.find(0, context.caller.pid));
    if (request.message.op == ControlOp::kHello && request.message.args[0] != 0) {
        const auto wanted = static_cast<std::int64_t>(request.message.args[1]);
        if (wanted < kOomScoreAdjMin || wanted > kOomScoreAdjMax) {
            return request.done(EINVAL);
        }
        if (context.caller.uid != 0) {
            return request.done(EACCES);
        }
        process.oom_score_adj = static_cast<std::int32_t>(wanted);
        MEMCGFS_TRY(tasks_.claim_oom_score_adj(process.pid, process.oom_score_adj));
    }
    if (request.message.op == ControlOp::kBye) {
        tasks_.leaves(process.pid);
    }
    if (names_file(request.message.op)) {
        const auto& args = request.message.args;
        request.file = {
            .key = {args[0], args[1]},
            .kind = args[2] != 0 ? engine::PageKind::kShmem : engine::PageKind::kFile,
        };
        if (other_caches_) {
            request.file.kept_elsewhere = other_caches_(args[0], args[1]);
        }
        if (!request.file.kept_elsewhere) {
            request.file.watch = files_->watch(context.caller.pid, args[3]);
        }
    }
    Result<vfs::StoreOutcome> outcome = answer_caller(*context.state, process, request);
    if (deliver_effects_) {
        deliver_effects_();
    }
    return outcome;
}

PuppetControl::Charged PuppetControl::charged(std::int32_t pid) {
    if (const auto real = real_processes_ ? real_processes_(pid) : std::nullopt) {
        return *real;
    }
    const MutexLock lock(engine_mutex_);
    const engine::Task* const task = engine_.find_task_by_pid(pid);
    if (task == nullptr || task->regions.empty()) {
        return {};
    }
    return {ChargeTier::kModelled, engine_.resident(task->id)};
}

Result<vfs::StoreOutcome> PuppetControl::answer_caller(std::unique_ptr<vfs::OpenState>& state,
                                                       const world::ProcessInfo& process,
                                                       Request& request) {
    const MutexLock lock(engine_mutex_);
    if (request.message.op == ControlOp::kHello && state == nullptr) {
        const engine::Task* task = engine_.find_task_by_pid(process.pid);
        const engine::TaskId id =
            task != nullptr
                ? task->id
                : engine_.add_task(task_info(process), engine_.css_set(process.css_set));
        state = std::make_unique<Puppet>(*this, process.pid, id);
    }
    auto* puppet = dynamic_cast<Puppet*>(state.get());
    if (puppet == nullptr || puppet->pid != process.pid) {
        return Err(Errno::kEINVAL);
    }
    engine::Task* task = engine_.find(puppet->task);
    if (task == nullptr || task->dying) {
        return Err(Errno::kESRCH);
    }
    engine_.update_task(task->id, task_info(process));
    return act(*puppet, request);
}

void PuppetControl::release(Puppet& puppet) {
    {
        const MutexLock lock(engine_mutex_);
        leave(puppet);
    }
    if (deliver_effects_) {
        deliver_effects_();
    }
}

void PuppetControl::leave(Puppet& puppet) {
    while (!puppet.regions.empty()) {
        end_region(puppet, puppet.regions.begin()->first);
    }
    engine_.exit_task(puppet.task);
}

void PuppetControl::end_region(Puppet& puppet, std::uint64_t number) {
    const auto found = puppet.regions.find(number);
    const Puppet::Region region = found->second;
    puppet.regions.erase(found);
    if (!puppet.maps(region.mapping)) {
        engine_.unmap_mapping(puppet.task, region.mapping, region.kind != Puppet::Kind::kOwn);
    }
    if (region.kind == Puppet::Kind::kFile) {
        files_->unpin(region.mapping);
    }
}

Result<vfs::StoreOutcome> PuppetControl::act(Puppet& puppet, Request& request) {
    switch (request.message.op) {
        case ControlOp::kHello:
            request.message.args[0] =
                engine_.css_set_of(engine_.find(puppet.task)->groups) != 0 ? 1 : 0;
            return request.done();
        case ControlOp::kBye:
            leave(puppet);
            return request.done();
        case ControlOp::kAnon:
        case ControlOp::kShared:
        case ControlOp::kSegment:
            return make_region(puppet, request);
        case ControlOp::kUnmap:
        case ControlOp::kTouch:
        case ControlOp::kLock:
        case ControlOp::kDiscard:
            return act_on_region(puppet, request);
        case ControlOp::kLookup:
            return make_slab(puppet, request, engine::SlabKind::kDentry);
        case ControlOp::kTimers:
            return make_slab(puppet, request, engine::SlabKind::kTimer);
        case ControlOp::kPageout:
            return vfs::StoreOutcome{
                .operation = std::make_unique<Answer>(engine_.pageout(puppet.task), request)};
        case ControlOp::kMapFile:
        case ControlOp::kFileIo:
        case ControlOp::kTruncate:
        case ControlOp::kSync:
        case ControlOp::kDrop:
            return act_on_file(puppet, request);
        case ControlOp::kAsk:
            break;  // answered before
    }
    return Err(Errno::kEINVAL);  // a number from outside may be none of these
}

Result<vfs::StoreOutcome> PuppetControl::make_slab(Puppet& puppet, Request& request,
                                                   engine::SlabKind kind) {
    const std::uint64_t objects = request.message.args[0];
    if (objects > kObjectsMax) {
        return Err(Errno::kEINVAL);
    }
    return vfs::StoreOutcome{.operation = std::make_unique<Answer>(
                                 engine_.allocate_slab(puppet.task, kind, objects), request)};
}

Result<vfs::StoreOutcome> PuppetControl::make_region(Puppet& puppet, Request& request) {
    auto& args = request.message.args;
    if (puppet.regions.size() >= kRegionsMax || args[0] == 0 || args[0] > kPagesMax) {
        return Err(Errno::kEINVAL);
    }
    // Overcommit heuristics: what could never fit is refused (__vm_enough_memory, 6.1).
    if (Pages{args[0]} > engine_.machine().memory + engine_.machine().swap) {
        return request.done(ENOMEM);
    }
    const ControlOp op = request.message.op;
    const auto page_kind =
        op == ControlOp::kAnon ? engine::PageKind::kAnon : engine::PageKind::kShmem;
    // What is made for no task outlives the tasks that use it.
    const engine::TaskId owner = op == ControlOp::kSegment ? engine::TaskId{} : puppet.task;
    const engine::MappingId mapping = engine_.create_mapping(owner, page_kind, Pages{args[0]});
    engine_.advise_huge(mapping, op == ControlOp::kAnon && args[1] != 0
                                     ? engine::HugeAdvice::kHuge
                                     : engine::HugeAdvice::kNever);
    Puppet::Kind kind = Puppet::Kind::kOwn;
    if (op == ControlOp::kSegment) {
        kind = Puppet::Kind::kSegment;
        engine_.map_mapping(puppet.task, mapping);
        files_->add_segment(static_cast<int>(args[1]), mapping);
    }
    args[0] = puppet.add({mapping, kind});
    return request.done();
}

Result<vfs::StoreOutcome> PuppetControl::act_on_region(Puppet& puppet, Request& request) {
    const auto& args = request.message.args;
    const auto region = puppet.regions.find(args[0]);
    if (region == puppet.regions.end()) {
        return Err(Errno::kEINVAL);
    }
    if (request.message.op == ControlOp::kUnmap) {
        end_region(puppet, args[0]);
        return request.done();
    }
    if (request.message.op == ControlOp::kLock) {
        engine_.lock_mapping(region->second.mapping);
        return request.done();
    }
    if (args[1] > kPagesMax || args[2] > kPagesMax) {
        return Err(Errno::kEINVAL);
    }
    if (request.message.op == ControlOp::kDiscard) {
        return vfs::StoreOutcome{.operation = std::make_unique<Answer>(
                                     engine_.advise(puppet.task, region->second.mapping,
                                                    {args[1], args[2]}, engine::Advice::kDontNeed),
                                     request)};
    }
    const auto access = args[3] != 0 ? engine::Access::kWrite : engine::Access::kRead;
    const engine::MappingId mapping = region->second.mapping;
    if (args[2] == 1 && engine_.touch_at_once(puppet.task, mapping, args[1], access)) {
        return request.done();
    }
    return vfs::StoreOutcome{
        .operation = std::make_unique<Answer>(
            engine_.touch(puppet.task, mapping, {args[1], args[2]}, access), request)};
}

Result<vfs::StoreOutcome> PuppetControl::act_on_file(Puppet& puppet, Request& request) {
    auto& args = request.message.args;
    if (request.message.op == ControlOp::kTruncate) {
        files_->truncate(request.file);
        return request.done();
    }
    const engine::MappingId mapping = files_->mapping(request.file);
    if (request.message.op == ControlOp::kSync) {
        return vfs::StoreOutcome{
            .operation = std::make_unique<Answer>(engine_.sync_mapping(mapping), request)};
    }
    if (request.message.op == ControlOp::kDrop) {
        engine_.drop_mapping(mapping);
        return request.done();
    }
    if (request.message.op == ControlOp::kMapFile) {
        if (puppet.regions.size() >= kRegionsMax) {
            return Err(Errno::kEINVAL);
        }
        engine_.map_mapping(puppet.task, mapping);
        files_->pin(mapping);
        args[0] = puppet.add({mapping, Puppet::Kind::kFile});
        return request.done();
    }
    if (args[4] > kPagesMax || args[5] > kPagesMax) {
        return Err(Errno::kEINVAL);
    }
    const auto access = args[6] != 0 ? engine::Access::kWrite : engine::Access::kRead;
    return vfs::StoreOutcome{
        .operation = std::make_unique<Answer>(
            engine_.file_io(puppet.task, mapping, {args[4], args[5]}, access), request)};
}

}  // namespace memcgfs::interface
