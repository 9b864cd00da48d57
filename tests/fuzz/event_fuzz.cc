// SPDX-License-Identifier: MIT
//
// cgroup.event_control: each line of the input is one write, in which a descriptor's number says
// by its last digit what it is. Then memory comes and goes, and the group is removed: every
// registration hears of that exactly once, and of nothing afterwards.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "fuzz/machine.h"

namespace {

using namespace memcgfs;

constexpr std::uint64_t kUsedPages = 600;

struct Counter {
    int signals = 0;
};

class CountingEventFd final : public world::EventFd {
public:
    explicit CountingEventFd(Counter& counter) : counter_(counter) {}
    void signal() override { counter_.signals++; }
    bool held() override { return true; }

private:
    Counter& counter_;
};

/// Passes ticks on to the file tables, as the outbox does.
class TickSink final : public engine::EffectSink {
public:
    void emit(engine::Effect effect) override {
        if (const auto* tick = std::get_if<engine::EventTickEffect>(&effect)) {
            ticks.push_back(*tick);
        } else {
            rest.emit(std::move(effect));
        }
    }
    std::vector<engine::EventTickEffect> ticks;
    fuzz::Sink rest;
};

class Machine {
public:
    explicit Machine(const engine::Profile& profile)
        : engine_({.profile = profile,
                   .layout = engine::Layout::kV1,
                   .machine = {},
                   .clock = clock_,
                   .effects = sink_}),
          fs_(engine_, mutex_, tasks_, {.control = {}, .may_write = {}, .open_event = opener()}) {
        group_ = fs_.mkdir(vfs::DirKey{engine_.memory_hierarchy().root->id.value}, "t", {}).value();
    }

    void write(std::string_view text) {
        const std::size_t before = counters_.size();
        std::unique_ptr<vfs::OpenState> state;
        const auto stored = fs_.store({.dir = group_,
                                       .file = file(),
                                       .open = {},
                                       .opener = {},
                                       .caller = {},
                                       .state = &state},
                                      text);
        // What is refused must leave nothing that could tick.
        if (stored.ok()) {
            MEMCGFS_ASSERT(counters_.size() == before + 1);
            registered_.push_back(counters_.back().get());
        }
        deliver();
        engine_.check_invariants();
    }

    void use_memory() {
        engine::TaskInfo info;
        info.pid = 1;
        const engine::TaskId task = engine_.add_task(info, {});
        MEMCGFS_ASSERT(engine_.attach_task(task, {static_cast<std::uint64_t>(group_)}).ok());
        const auto mapping = engine_.create_mapping(task, engine::PageKind::kAnon);
        for (std::uint64_t pages = 1; pages < kUsedPages; pages += kUsedPages / 3) {
            fuzz::run_to_end(engine_.touch(task, mapping, {0, pages}, engine::Access::kWrite),
                             clock_, sink_.rest);
            deliver();
        }
        engine_.exit_task(task);
        deliver();
    }

    void remove_group() {
        MEMCGFS_ASSERT(fs_.rmdir(group_).ok());
        std::vector<int> before;
        for (const Counter* counter : registered_) {
            before.push_back(counter->signals);
        }
        while (!sink_.rest.spawned.empty()) {
            auto next = std::move(sink_.rest.spawned.back());
            sink_.rest.spawned.pop_back();
            fuzz::run_to_end(std::move(next), clock_, sink_.rest);
        }
        deliver();
        for (std::size_t i = 0; i < registered_.size(); ++i) {
            MEMCGFS_ASSERT(registered_[i]->signals == before[i] + 1);
        }
    }

private:
    vfs::FileIndex file() {
        for (const vfs::FileInfo& info : fs_.files(group_)) {
            if (info.name == "cgroup.event_control") {
                return info.index;
            }
        }
        MEMCGFS_UNREACHABLE();
    }

    void deliver() {
        for (const engine::EventTickEffect& tick : std::exchange(sink_.ticks, {})) {
            fs_.tick(tick);
        }
    }

    std::function<Result<interface::EventDescriptors>(vfs::DirKey, const interface::EventRequest&,
                                                      const vfs::Credentials&)>
    opener() {
        return [this](vfs::DirKey, const interface::EventRequest& request,
                      const vfs::Credentials&) -> Result<interface::EventDescriptors> {
            const std::size_t file = request.control_fd % 10;
            if (file >= interface::kEventFiles.size()) {
                return Err(file == 9 ? Errno::kEBADF : Errno::kEINVAL);
            }
            counters_.push_back(std::make_unique<Counter>());
            return interface::EventDescriptors{
                .eventfd = std::make_shared<CountingEventFd>(*counters_.back()),
                .control_file = interface::kEventFiles[file]};
        };
    }

    ManualClock clock_;
    TickSink sink_;
    fuzz::NoTasks tasks_;
    Mutex mutex_{LockRank::kEngine};
    std::vector<std::unique_ptr<Counter>> counters_;
    std::vector<Counter*> registered_;
    engine::Engine engine_;
    interface::CgroupFs fs_;
    vfs::DirKey group_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || !fuzz::profile_of(data[0]).v1_memory) {
        return 0;
    }
    Machine machine(fuzz::profile_of(data[0]));
    std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
    while (!rest.empty()) {
        const std::string_view line = fuzz::next_line(rest);
        if (!line.empty()) {
            machine.write(line);
        }
    }
    machine.use_memory();
    machine.remove_group();
    return 0;
}
