// SPDX-License-Identifier: MIT
//
// How fast the engine is: charges, scans, walks over many groups, reads of statistics.
//
//   meson setup build-release --buildtype=release -Db_lto=true
//   ninja -C build-release tests/bench/engine_bench && build-release/tests/bench/engine_bench
//
// items_per_second is pages or groups. docs/testing.md has the targets.
#include <benchmark/benchmark.h>

#include <memory>

#include "bench/bench_machine.h"
#include "memcgfs/interface/cgroup_fs.h"

namespace memcgfs::bench {
namespace {

using namespace engine;

constexpr std::uint64_t kRun = 1U << 20U;  // 4 GiB

/// One operation for the whole range.
void charge_by_run(benchmark::State& bench) {
    BenchMachine machine;
    const TaskId task = machine.add_task(machine.make_group());
    for (auto _ : bench) {
        const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
        machine.run(machine.engine.touch(task, region, {0, kRun}, Access::kWrite));
        bench.PauseTiming();
        machine.engine.unmap_mapping(task, region, false);
        bench.ResumeTiming();
    }
    bench.SetItemsProcessed(bench.iterations() * static_cast<std::int64_t>(kRun));
}
BENCHMARK(charge_by_run);

/// One operation for each page, as a program's page faults come.
void charge_page_by_page(benchmark::State& bench) {
    BenchMachine machine;
    const TaskId task = machine.add_task(machine.make_group());
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    std::uint64_t page = 0;
    for (auto _ : bench) {
        if (!machine.engine.touch_at_once(task, region, page, Access::kWrite)) {
            machine.run(machine.engine.touch(task, region, {page, 1}, Access::kWrite));
        }
        page++;
    }
    bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(charge_page_by_page);

/// Touching what is there already.
void touch_resident_page(benchmark::State& bench) {
    BenchMachine machine;
    const TaskId task = machine.add_task(machine.make_group());
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    machine.run(machine.engine.touch(task, region, {0, kRun}, Access::kWrite));
    for (auto _ : bench) {
        machine.run(machine.engine.touch(task, region, {0, 1}, Access::kRead));
    }
    bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(touch_resident_page);

/// memory.reclaim of clean page cache, read once: every page is looked at once and goes.
void scan_clean_cache(benchmark::State& bench) {
    BenchMachine machine;
    Memcg& memcg = *machine.make_group().memcg;
    const TaskId task = machine.add_task(*machine.engine.find(memcg.cgroup));
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    std::int64_t scanned = 0;
    for (auto _ : bench) {
        bench.PauseTiming();
        machine.run(machine.engine.file_io(task, file, {0, kRun}, Access::kRead));
        const std::int64_t before = memcg.stat(StatItem::kPgscanDirect);
        bench.ResumeTiming();
        machine.run(machine.engine.reclaim_pages(memcg, Pages{kRun / 2}, {}));
        scanned += memcg.stat(StatItem::kPgscanDirect) - before;
    }
    bench.SetItemsProcessed(scanned);
}
BENCHMARK(scan_clean_cache);

/// The same of anonymous pages with swap, each of which is first kept and then written.
void scan_anonymous(benchmark::State& bench) {
    BenchMachine machine;
    Memcg& memcg = *machine.make_group().memcg;
    const TaskId task = machine.add_task(*machine.engine.find(memcg.cgroup));
    std::int64_t scanned = 0;
    for (auto _ : bench) {
        bench.PauseTiming();
        const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
        machine.run(machine.engine.touch(task, region, {0, kRun}, Access::kWrite));
        const std::int64_t before = memcg.stat(StatItem::kPgscanDirect);
        bench.ResumeTiming();
        machine.run(machine.engine.reclaim_pages(memcg, Pages{kRun / 2}, {}));
        scanned += memcg.stat(StatItem::kPgscanDirect) - before;
        bench.PauseTiming();
        machine.engine.unmap_mapping(task, region, false);
        bench.ResumeTiming();
    }
    bench.SetItemsProcessed(scanned);
}
BENCHMARK(scan_anonymous);

void walk_tree(benchmark::State& bench) {
    BenchMachine machine;
    machine.make_groups(static_cast<std::size_t>(bench.range(0)));
    const Memcg& root = machine.engine.root_memcg();
    for (auto _ : bench) {
        std::int64_t groups = 0;
        for (const Memcg* memcg = &root; memcg != nullptr;
             memcg = next_in_subtree(root, *memcg)) {
            groups++;
        }
        benchmark::DoNotOptimize(groups);
    }
    bench.SetItemsProcessed(bench.iterations() * bench.range(0));
}
BENCHMARK(walk_tree)->RangeMultiplier(10)->Range(10, 100'000);

void make_and_remove_group(benchmark::State& bench) {
    BenchMachine machine;
    machine.make_groups(static_cast<std::size_t>(bench.range(0)));
    for (auto _ : bench) {
        const CgroupId id = machine.engine.create_cgroup(machine.root().id, "x").value();
        benchmark::DoNotOptimize(machine.engine.remove_cgroup(id).ok());
    }
    bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(make_and_remove_group)->RangeMultiplier(10)->Range(10, 100'000);

class NoTasks final : public world::TaskTable {
public:
    Result<world::ProcessInfo> find(std::int32_t, std::int32_t) override {
        return Err(Errno::kESRCH);
    }
    std::vector<world::ProcessInfo> snapshot() override { return {}; }
};

/// Must not grow with the number of groups.
void read_root_stat(benchmark::State& bench) {
    BenchMachine machine;
    machine.make_groups(static_cast<std::size_t>(bench.range(0)));
    NoTasks tasks;
    Mutex mutex{LockRank::kEngine};
    interface::CgroupFs fs(machine.engine, mutex, tasks, {});
    const vfs::DirKey root{machine.root().id.value};
    for (const vfs::FileInfo& file : fs.files(root)) {
        if (file.name != "memory.stat") {
            continue;
        }
        for (auto _ : bench) {
            std::unique_ptr<vfs::OpenState> state;
            TextBuffer out;
            const vfs::FileContext context{
                .dir = root, .file = file.index, .opener = {}, .caller = {}, .state = &state};
            benchmark::DoNotOptimize(fs.show(context, out).ok());
        }
    }
}
BENCHMARK(read_root_stat)->RangeMultiplier(10)->Range(10, 100'000);

}  // namespace
}  // namespace memcgfs::bench

BENCHMARK_MAIN();
