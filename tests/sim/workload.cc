// SPDX-License-Identifier: MIT
#include "sim/workload.h"

#include <algorithm>

#include "memcgfs/base/assert.h"

namespace memcgfs::test {

namespace {

using namespace engine;

class Handlers final : public exec::EffectHandlers {
public:
    void spawn(std::unique_ptr<Operation> operation) override {
        executor->submit(std::move(operation), {});
    }
    void wake(OperationId operation) override { executor->wake(operation); }
    void kill(const KillEffect&) override { kills++; }
    void freeze(const FreezeEffect&) override {}
    void move(const MoveEffect&) override {}
    void file_modified(const FileModifiedEffect&) override {}
    void kernel_log(std::string_view) override {}

    exec::SimExecutor* executor = nullptr;
    std::uint64_t kills = 0;
};

class Workload {
public:
    explicit Workload(const WorkloadOptions& options)
        : options_(options),
          random_(options.seed),
          outbox_(handlers_),
          engine_({.profile = *find_profile(options.profile),
                   .layout = options.layout,
                   .machine = machine(),
                   .clock = clock_,
                   .effects = outbox_,
                   .observer = &hash_}),
          executor_(mutex_, outbox_, clock_, options.seed) {
        handlers_.executor = &executor_;
    }

    WorkloadResult run() {
        groups_.push_back(engine_.root(engine_.memory_hierarchy())->id);
        for (int action = 0; action < options_.actions; action++) {
            locked([&] { act(); });
            if (interrupt_ != OperationId{}) {
                executor_.interrupt(interrupt_);
                interrupt_ = {};
            }
            for (std::uint64_t steps = random_.below(40); steps > 0; steps--) {
                step();
            }
        }
        finish();
        WorkloadResult result;
        result.hash = hash_.hash();
        result.events = hash_.count();
        result.steps = executor_.steps();
        result.kills = handlers_.kills;
        const Memcg& root = engine_.root_memcg();
        result.direct_scans = root.stat_total(StatItem::kPgscanDirect);
        result.background_scans = root.stat_total(StatItem::kPgscanKswapd);
        return result;
    }

private:
    static Machine machine() {
        Machine shape;
        shape.swap = Pages{1024};
        shape.cpus = 2;
        return shape;
    }

    template <class Body>
    void locked(Body body) {
        {
            const MutexLock lock(mutex_);
            body();
            engine_.check_invariants();
        }
        outbox_.flush();
    }

    bool step() {
        const bool more = executor_.step_one();
        const MutexLock lock(mutex_);
        engine_.check_invariants();
        return more;
    }

    void finish() {
        for (const TaskId task : tasks_) {
            locked([&] { engine_.exit_task(task); });
        }
        while (step()) {
        }
        MEMCGFS_ASSERT(executor_.empty());
        locked([&] {
            for (const MappingId file : files_) {
                engine_.destroy_mapping(file);
            }
        });
        const Memcg& root = engine_.root_memcg();
        MEMCGFS_ASSERT(root.stat_total(StatItem::kAnon) == 0);
        MEMCGFS_ASSERT(root.stat_total(StatItem::kFile) == 0);
        MEMCGFS_ASSERT(root.stat_total(StatItem::kSwap) == 0);
    }

    template <class T>
    T pick(const std::vector<T>& from) {
        return from.empty() ? T{} : from[random_.below(from.size())];
    }
    Cgroup* pick_group() { return engine_.find(pick(groups_)); }

    void act() {
        switch (random_.below(12)) {
            case 0:
                return make_group();
            case 1:
                return remove_group();
            case 2:
                return add_task();
            case 3:
                return engine_.exit_task(pick(tasks_));
            case 4:
            case 5:
                return touch();
            case 6:
            case 7:
                return read_or_write();
            case 8:
                return change_limit();
            case 9:
                return change_knob();
            case 10:
                return move_task();
            default:
                return reclaim();
        }
    }

    void make_group() {
        Cgroup* parent = pick_group();
        if (parent == nullptr || groups_.size() > 8) {
            return;
        }
        if (parent->hierarchy == Hierarchy::kV2 &&
            !engine_.set_subtree_control(*parent, mask_of(Controller::kMemory), 0).ok()) {
            return;
        }
        const auto id = engine_.create_cgroup(parent->id, "g");
        MEMCGFS_ASSERT(id.ok());
        groups_.push_back(*id);
    }

    void remove_group() {
        const CgroupId id = pick(groups_);
        if (engine_.remove_cgroup(id).ok()) {
            std::erase(groups_, id);
        }
    }

    void add_task() {
        const Cgroup* group = pick_group();
        if (group == nullptr || tasks_.size() > 40) {
            return;
        }
        TaskInfo info;
        info.pid = next_pid_++;
        info.oom_score_adj = random_.below(8) == 0 ? -1000 : 0;
        const TaskId task = engine_.add_task(info, {});
        tasks_.push_back(task);
        // EBUSY (a v2 group that hands out memory) leaves it in the root.
        const Result<void> attached = engine_.attach_task(task, group->id);
        MEMCGFS_ASSERT(attached.ok() || attached.error() == Errno::kEBUSY);
    }

    bool idle(TaskId id) const {
        const Task* task = engine_.find(id);
        return task != nullptr && !task->dying && task->operation == OperationId{} &&
               std::none_of(busy_.begin(), busy_.end(), [&](TaskId b) { return b == id; });
    }

    void touch() {
        const TaskId task = pick(tasks_);
        if (!idle(task)) {
            return;
        }
        const std::vector<MappingId>& regions = engine_.find(task)->regions;
        const bool fresh = regions.empty() || random_.below(2) == 0;
        const MappingId mapping = fresh ? new_region(task) : pick(regions);
        const Engine::Range range{random_.below(64), 1 + random_.below(600)};
        start(task, engine_.touch(task, mapping, range,
                                  random_.below(2) == 0 ? Access::kRead : Access::kWrite));
    }

    MappingId new_region(TaskId task) {
        const bool shmem = random_.below(3) == 0;
        const MappingId mapping =
            engine_.create_mapping(task, shmem ? PageKind::kShmem : PageKind::kAnon);
        if (shmem) {
            files_.push_back(mapping);  // outlives its tasks
        }
        return mapping;
    }

    void read_or_write() {
        const TaskId task = pick(tasks_);
        if (!idle(task)) {
            return;
        }
        if (files_.size() < 6) {
            files_.push_back(engine_.create_mapping(task, PageKind::kFile));
        }
        const Engine::Range range{random_.below(512), 1 + random_.below(600)};
        start(task, engine_.file_io(task, pick(files_), range, Access::kRead));
    }

    /// Hands an operation over; submit runs nothing by itself.
    void start(TaskId task, OperationPtr operation) {
        busy_.push_back(task);
        executor_.submit(std::move(operation),
                         [this, task](const OperationResult&) { std::erase(busy_, task); });
    }

    void change_limit() {
        Cgroup* group = pick_group();
        if (group == nullptr || group->memcg == nullptr || group->is_root()) {
            return;
        }
        const Pages max{200 + random_.below(2000)};
        Memcg& memcg = *group->memcg;
        const bool v2 = group->hierarchy == Hierarchy::kV2;
        OperationPtr operation = v2 ? engine_.set_memory_max(memcg, max)
                                    : engine_.set_limit(memcg, CounterKind::kMemory, max);
        if (random_.below(4) == 0) {
            interrupt_ = operation->id();  // once the lock is free: a signal for the writer
        }
        executor_.submit(std::move(operation), {});
    }

    void change_knob() {
        Cgroup* group = pick_group();
        if (group == nullptr || group->memcg == nullptr || group->is_root()) {
            return;
        }
        Memcg& memcg = *group->memcg;
        switch (random_.below(5)) {
            case 0:
                return engine_.set_wmark_ratio(memcg,
                                               static_cast<std::uint32_t>(random_.below(101)));
            case 1:
                return engine_.set_wmark_scale_factor(
                    memcg, static_cast<std::uint32_t>(1 + random_.below(1000)));
            case 2:
                return engine_.set_low(memcg, Pages{random_.below(1000)});
            case 3:
                return engine_.set_min(memcg, Pages{random_.below(300)});
            default:
                memcg.swappiness = random_.below(101);
                return;
        }
    }

    void move_task() {
        const TaskId task = pick(tasks_);
        const Cgroup* group = pick_group();
        if (engine_.find(task) != nullptr && group != nullptr) {
            const Result<void> moved = engine_.attach_task(task, group->id);
            MEMCGFS_ASSERT(moved.ok() || moved.error() == Errno::kEBUSY);
        }
    }

    void reclaim() {
        const Cgroup* group = pick_group();
        if (group == nullptr || group->memcg == nullptr) {
            return;
        }
        executor_.submit(engine_.reclaim_pages(*group->memcg, Pages{1 + random_.below(400)}, {}),
                         {});
    }

    WorkloadOptions options_;
    Random random_;
    ManualClock clock_;
    Mutex mutex_{LockRank::kEngine};
    Handlers handlers_;
    exec::Outbox outbox_;
    exec::TraceHash hash_;
    Engine engine_;
    exec::SimExecutor executor_;
    std::vector<CgroupId> groups_;
    std::vector<TaskId> tasks_;
    std::vector<TaskId> busy_;
    std::vector<MappingId> files_;
    OperationId interrupt_{};
    std::int32_t next_pid_ = 100;
};

}  // namespace

WorkloadResult run_workload(const WorkloadOptions& options) {
    return std::make_unique<Workload>(options)->run();
}

}  // namespace memcgfs::test
