// SPDX-License-Identifier: MIT
#include "engine/page_tables.h"

#include <algorithm>

#include "engine/charge.h"
#include "engine/members.h"
#include "engine/oom_wait.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kPagesPerTable = 512;

void count_tables(Engine::State& state, Memcg& memcg, std::int64_t change) {
    memcg.add_node_stat(0, StatItem::kPagetables, change);  // whichever node they are on
    memcg.add_stat(StatItem::kKernel, change);
    if (!state.memory_on_v1()) {
        return;
    }
    if (change > 0) {
        memcg.kmem().charge(Pages{static_cast<std::uint64_t>(change)});
    } else {
        memcg.kmem().uncharge(Pages{static_cast<std::uint64_t>(-change)});
    }
}

void free_run(Engine::State& state, const PageTables& run) {
    Memcg* memcg = state.memcgs.find(run.memcg);
    const Pages pages{run.end - run.first};
    count_tables(state, *memcg, -as_delta(pages));
    memcg->memory.uncharge(pages);
    if (state.memory_on_v1()) {
        memcg->memsw.uncharge(pages);
    }
    oom_recover(state, *memcg);
}

}  // namespace

bool lacks_page_table(const Engine::State& state, const Task& task, const Memcg& memcg,
                      MappingId mapping, std::uint64_t index) {
    if (!state.machine().page_tables || memcg.is_root()) {
        return false;
    }
    const std::uint64_t block = index / kPagesPerTable;
    return std::none_of(task.page_tables.begin(), task.page_tables.end(),
                        [&](const PageTables& run) {
                            return run.mapping == mapping && run.first <= block && block < run.end;
                        });
}

Coro<Result<void>> pay_page_table(Engine::State& state, OpContext& op, MappingId mapping,
                                  std::uint64_t index) {
    const Task* task = state.tasks.find(op.task);
    const std::uint64_t block = index / kPagesPerTable;
    Memcg& memcg = charged_memcg(state, *task);
    const MemcgPin pin(memcg);
    const ChargeRequest request{.memcg = memcg};
    const Result<void> charged = co_await try_charge(state, op, request);
    if (!charged.ok()) {
        co_return Err(charged.error());
    }
    count_tables(state, memcg, 1);
    const PageTables table{mapping, memcg.id(), block, block + 1};
    Task* owner = state.tasks.find(op.task);
    const bool mapped = owner != nullptr && std::find(owner->regions.begin(), owner->regions.end(),
                                                      mapping) != owner->regions.end();
    if (!mapped) {
        free_run(state, table);  // the mapping ended while the charge took its time
        co_return Result<void>{};
    }
    std::vector<PageTables>& runs = owner->page_tables;
    if (!runs.empty() && runs.back().mapping == mapping && runs.back().memcg == memcg.id() &&
        runs.back().end == block) {
        runs.back().end++;
    } else {
        runs.push_back(table);
    }
    co_return Result<void>{};
}

std::uint64_t mapped_by_one_table(const Engine::State& state, Engine::Range range) {
    const std::uint64_t left = kPagesPerTable - range.first % kPagesPerTable;
    return state.machine().page_tables ? std::min(range.count, left) : range.count;
}

void free_page_tables(Engine::State& state, Task& task, MappingId mapping) {
    std::erase_if(task.page_tables, [&](const PageTables& run) {
        if (run.mapping == mapping) {
            free_run(state, run);
        }
        return run.mapping == mapping;
    });
}

}  // namespace memcgfs::engine
