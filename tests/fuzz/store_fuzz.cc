// SPDX-License-Identifier: MIT
//
// Writes to interface files: each line of the input is a file's number, a colon and the text.
// Whatever is written, the engine's invariants hold and every file can be read.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fuzz/machine.h"
#include "memcgfs/base/parse_number.h"

namespace {

using namespace memcgfs;
using fuzz::NoTasks;
using fuzz::run_to_end;
using fuzz::Sink;

constexpr std::uint64_t kUsedPages = 300;

/// A group with one process that has used some memory.
class Machine {
public:
    Machine(const engine::Profile& profile, engine::Layout layout)
        : engine_({.profile = profile,
                   .layout = layout,
                   .machine = {},
                   .clock = clock_,
                   .effects = sink_}),
          fs_(engine_, mutex_, tasks_, {}) {
        engine::Cgroup& root = *engine_.memory_hierarchy().root;
        if (root.is_v2()) {
            MEMCGFS_ASSERT(
                engine_.set_subtree_control(root, engine::mask_of(engine::Controller::kMemory), 0)
                    .ok());
        }
        group_ = fs_.mkdir(vfs::DirKey{root.id.value}, "t", {}).value();
        engine::TaskInfo info;
        info.pid = 1;
        const engine::TaskId task = engine_.add_task(info, {});
        MEMCGFS_ASSERT(engine_.attach_task(task, {static_cast<std::uint64_t>(group_)}).ok());
        for (const auto kind : {engine::PageKind::kAnon, engine::PageKind::kFile}) {
            const auto mapping = engine_.create_mapping(task, kind);
            run(engine_.touch(task, mapping, {0, kUsedPages}, engine::Access::kRead));
        }
    }

    void write(std::size_t number, std::string_view text) {
        const auto files = fs_.files(group_);
        std::unique_ptr<vfs::OpenState> state;
        const vfs::FileContext context{.dir = group_,
                                       .file = files[number % files.size()].index,
                                       .opener = {},
                                       .caller = {},
                                       .state = &state};
        auto outcome = fs_.store(context, text);
        if (outcome.ok() && outcome->operation != nullptr) {
            run(std::move(outcome->operation));
        }
        engine_.check_invariants();
    }

    void read_all() {
        for (const vfs::FileInfo& file : fs_.files(group_)) {
            std::unique_ptr<vfs::OpenState> state;
            TextBuffer out;
            const auto shown = fs_.show(
                {.dir = group_, .file = file.index, .opener = {}, .caller = {}, .state = &state},
                out);
            MEMCGFS_ASSERT(shown.ok() == file.readable);
        }
    }

private:
    void run(engine::OperationPtr operation) { run_to_end(std::move(operation), clock_, sink_); }

    ManualClock clock_;
    Sink sink_;
    NoTasks tasks_;
    Mutex mutex_{LockRank::kEngine};
    engine::Engine engine_;
    interface::CgroupFs fs_;
    vfs::DirKey group_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    auto [profile, layout, rest] = fuzz::choose(data, size);
    Machine machine(profile, layout);
    while (!rest.empty()) {
        std::string_view line = fuzz::next_line(rest);
        const NumberPrefix number = parse_decimal_digits(line);
        line.remove_prefix(std::min(line.size(), number.length + 1));
        if (!line.empty()) {
            machine.write(number.value, line);
        }
    }
    machine.read_all();
    return 0;
}
