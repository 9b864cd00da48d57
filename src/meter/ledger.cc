// SPDX-License-Identifier: MIT
#include "memcgfs/meter/ledger.h"

#include <algorithm>
#include <utility>

#include "memcgfs/engine/memcg.h"

namespace memcgfs::meter {

namespace {

bool is_below(const engine::Cgroup* group, engine::CgroupId ancestor) {
    while (group != nullptr && group->id != ancestor) {
        group = group->parent;
    }
    return group != nullptr;
}

}  // namespace

Result<void> Ledger::open(std::int32_t pid, Pages anon) {
    const MutexLock lock(engine_mutex_);
    if (books_.contains(pid)) {
        return {};
    }
    const engine::Task* const task = engine_.find_task_by_pid(pid);
    if (task == nullptr) {
        return Err(Errno::kESRCH);
    }
    Book book;
    book.task = task->id;
    book.uncharged = anon.count();
    books_.emplace(pid, std::move(book));
    return {};
}

bool Ledger::fork(const Fork& fork) {
    const MutexLock lock(engine_mutex_);
    const engine::Task* const forker = engine_.find_task_by_pid(fork.parent);
    if ((forker == nullptr && !fork.css_set) || books_.contains(fork.child)) {
        return books_.contains(fork.child);
    }
    const engine::Membership groups =
        fork.css_set ? engine_.css_set(*fork.css_set) : forker->groups;
    const engine::Hierarchy& hierarchy = engine_.memory_hierarchy();
    if (!roots_too_ && groups.in(hierarchy.id) == hierarchy.root->id) {
        return false;
    }
    Book book;
    if (const engine::Task* const there = engine_.find_task_by_pid(fork.child)) {
        book.task = there->id;
    } else {
        engine::TaskInfo info = forker != nullptr ? forker->info : engine::TaskInfo{};
        info.pid = fork.child;
        info.threads = 1;
        book.task = engine_.add_task(std::move(info), groups);
    }
    const auto parent = books_.find(fork.parent);
    book.borrows = fork.shares_memory || (parent != books_.end() && parent->second.borrows);
    if (parent == books_.end()) {
        book.uncharged = fork.anon.count();
    } else if (!book.borrows) {
        share_layers(fork, parent->second, book);
        for (const auto& segment : parent->second.segments) {
            segment->users.insert(fork.child);
            engine_.map_mapping(book.task, segment->mapping);
            book.segments.push_back(segment);
        }
    }
    books_.emplace(fork.child, std::move(book));
    return true;
}

void Ledger::share_layers(const Fork& fork, const Book& parent, Book& child) {
    child.uncharged = parent.uncharged;
    for (const auto& layer : parent.layers) {
        const std::uint64_t pages = layer->holders.at(fork.parent);
        if (pages > 0) {
            layer->holders[fork.child] = pages;
            child.layers.push_back(layer);
            engine_.map_mapping(child.task, layer->mapping);
        }
    }
}

void Ledger::exec(std::int32_t pid, std::string comm) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found != books_.end()) {
        if (engine::Task* const task = engine_.find(found->second.task)) {
            task->info.comm = std::move(comm);
        }
        drop_layers(pid, found->second, true);
        drop_segments(pid, found->second);
        found->second.uncharged = 0;
        found->second.locked = 0;
        found->second.borrows = false;
    }
}

void Ledger::forget(std::int32_t pid) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found != books_.end()) {
        drop_layers(pid, found->second, true);
        drop_segments(pid, found->second);
        drop_stacks(pid);
        books_.erase(found);
    }
}

void Ledger::exit(std::int32_t pid) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end()) {
        return;
    }
    const engine::TaskId task = found->second.task;
    drop_layers(pid, found->second, false);
    drop_segments(pid, found->second);
    drop_stacks(pid);
    books_.erase(found);
    engine_.exit_task(task);
}

void Ledger::drop_layers(std::int32_t pid, Book& book, bool unmap) {
    for (const auto& layer : book.layers) {
        unlock(pid, *layer);
        layer->holders.erase(pid);
        if (unmap) {
            engine_.unmap_mapping(book.task, layer->mapping, false);
        }
        if (!layer->holders.empty()) {
            trim(*layer);
        }
    }
    book.layers.clear();
    book.granted = 0;
    // What is being paid for has gone; the operation finds no mapping and ends.
    if (book.payment && book.payment->segment) {
        book.payment->segment->paid_for = false;
    }
    book.payment.reset();
}

std::uint64_t Ledger::booked(std::int32_t pid, const Book& book) const {
    std::uint64_t pages = book.uncharged;
    for (const auto& layer : book.layers) {
        pages += layer->holders.at(pid);
    }
    return pages;
}

std::unique_ptr<Operation> Ledger::sampled(std::int32_t pid, Pages anon,
                                           std::optional<Pages> evicted) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || found->second.borrows || found->second.payment) {
        return nullptr;
    }
    Book& book = found->second;
    const std::uint64_t away = evicted.value_or(Pages{0}).count();
    const std::uint64_t has = anon.count() + away + book.granted;
    const std::uint64_t there = booked(pid, book);
    if (has < there) {
        const std::uint64_t in_swap = evicted ? swapped(book).count() : 0;
        give_back(pid, book, there - has,
                  evicted ? std::optional(in_swap - std::min(in_swap, away)) : std::nullopt);
    }
    std::uint64_t debt = has > there ? has - there : 0;
    const std::uint64_t locked = booked_as_locked(pid, book);
    const std::uint64_t lockable = std::min(book.locked, has - std::min(has, book.uncharged));
    if (lockable > locked) {
        // Pages of before the lock become others' of the same number.
        const std::uint64_t more = lockable - locked;
        const std::uint64_t moved = more > debt ? more - debt : 0;
        debt += moved - give_back_of(pid, book, moved, false);
        return pay(pid, book, std::min(more, debt), true);
    }
    return debt > 0 ? pay(pid, book, debt) : pay_for_segments(book);
}

std::shared_ptr<Ledger::Layer> Ledger::own_layer(std::int32_t pid, Book& book, bool locked) {
    const std::int32_t locked_by = locked ? pid : 0;
    for (auto at = book.layers.rbegin(); at != book.layers.rend(); ++at) {
        if ((*at)->holders.size() == 1 && (*at)->locked_by == locked_by) {
            return *at;
        }
    }
    auto layer = std::make_shared<Layer>();
    layer->mapping = engine_.create_mapping(book.task, engine::PageKind::kAnon);
    layer->holders[pid] = 0;
    layer->locked_by = locked_by;
    if (locked) {
        engine_.lock_mapping(layer->mapping);
    }
    book.layers.push_back(layer);
    return layer;
}

std::unique_ptr<Operation> Ledger::pay(std::int32_t pid, Book& book, std::uint64_t pages,
                                       bool locked) {
    const engine::Task* const task = engine_.find(book.task);
    if (task == nullptr || task->dying) {
        return nullptr;
    }
    auto layer = own_layer(pid, book, locked);
    const engine::Engine::Range room = room_in(*layer, pages);
    auto operation = engine_.touch(book.task, layer->mapping, room, engine::Access::kWrite);
    book.payment =
        Book::Payment{std::move(layer), nullptr, room.first, room.count, operation->id()};
    return operation;
}

Ledger::Grant Ledger::grant(std::int32_t pid, Pages pages) {
    using enum Grant::Answer;
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || found->second.borrows) {
        return {kFree};
    }
    Book& book = found->second;
    if (book.payment) {
        return {kLater};
    }
    auto operation = pay(pid, book, pages.count());
    if (operation == nullptr) {
        return {kNever};
    }
    book.payment->ahead = true;
    return {kPay, std::move(operation), pages};
}

bool Ledger::is_dying(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    const engine::Task* const task =
        found != books_.end() ? engine_.find(found->second.task) : nullptr;
    return task != nullptr && task->dying;
}

void Ledger::installed(std::int32_t pid, Pages pages) {
    const MutexLock lock(engine_mutex_);
    if (const auto found = books_.find(pid); found != books_.end()) {
        found->second.granted -= std::min(found->second.granted, pages.count());
    }
}

void Ledger::settled(std::int32_t pid, OperationId operation, const OperationResult& result) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || !found->second.payment ||
        found->second.payment->operation != operation) {
        return;
    }
    const Book::Payment payment = *std::exchange(found->second.payment, std::nullopt);
    if (payment.segment) {
        Segment& segment = *payment.segment;
        segment.paid_for = false;
        if (result.ok()) {
            segment.pages += payment.pages;
        } else {
            engine_.free_pages(segment.mapping, {segment.pages, payment.pages});
        }
        return;
    }
    Layer& layer = *payment.layer;
    if (payment.back) {
        return;
    }
    if (result.ok()) {
        fill_room(layer, {payment.first, payment.pages});
        layer.holders[pid] += payment.pages;
        found->second.granted += payment.ahead ? payment.pages : 0;
    } else {
        // How far it came is not known. The whole of it is debt again, and the next sample's.
        engine_.free_pages(layer.mapping, {payment.first, payment.pages});
    }
}

Pages Ledger::owed(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    return found != books_.end() && found->second.payment ? Pages{found->second.payment->pages}
                                                          : Pages{0};
}

bool Ledger::owes(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    return found != books_.end() && found->second.payment && !found->second.payment->ahead;
}

bool Ledger::pays(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    return found != books_.end() && found->second.payment.has_value();
}

std::vector<std::int32_t> Ledger::members(engine::CgroupId group) const {
    const MutexLock lock(engine_mutex_);
    std::vector<std::int32_t> pids;
    const engine::Cgroup* const ancestor = engine_.find(group);
    if (ancestor == nullptr) {
        return pids;
    }
    for (const auto& [pid, book] : books_) {
        const engine::Task* const task = engine_.find(book.task);
        if (task != nullptr &&
            is_below(engine_.find(task->groups.in(ancestor->hierarchy->id)), group)) {
            pids.push_back(pid);
        }
    }
    return pids;
}

const engine::Memcg* Ledger::memcg_of(std::int32_t pid) const {
    const auto found = books_.find(pid);
    const engine::Task* const task =
        found != books_.end() ? engine_.find(found->second.task) : nullptr;
    const engine::Cgroup* const group =
        task != nullptr ? engine_.find(task->groups.in(engine_.memory_hierarchy().id)) : nullptr;
    return group != nullptr ? &engine_.effective_memcg(*group) : nullptr;
}

Pages Ledger::headroom(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    Pages least = kPageCounterMax;
    for (const engine::Memcg* memcg = memcg_of(pid); memcg != nullptr; memcg = memcg->parent()) {
        const Pages usage = memcg->memory.usage();
        for (const Pages bound : {memcg->memory.max(), memcg->memory.high()}) {
            if (bound < kPageCounterMax) {
                least = std::min(least, bound > usage ? bound - usage : Pages{0});
            }
        }
    }
    return least;
}

bool Ledger::awaits_room(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const engine::Memcg* memcg = memcg_of(pid);
    while (memcg != nullptr && !(memcg->oom_kill_disable && memcg->under_oom > 0)) {
        memcg = memcg->parent();
    }
    return memcg != nullptr;
}

Pages Ledger::charged(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    return found == books_.end() ? Pages{0}
                                 : Pages{booked(pid, found->second) - found->second.uncharged};
}

}  // namespace memcgfs::meter
