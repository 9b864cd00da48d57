// SPDX-License-Identifier: MIT
//
// The part of the books that is about which pages of a layer are which: what has been given back,
// what is in swap, and what comes back from there.
#include <algorithm>
#include <vector>

#include "memcgfs/meter/ledger.h"

namespace memcgfs::meter {

Pages Ledger::swapped(const Book& book) const {
    Pages sum{0};
    for (const auto& layer : book.layers) {
        sum += engine_.swapped(layer->mapping);
    }
    return sum;
}

Pages Ledger::swapped(std::int32_t pid) const {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    return found != books_.end() && !found->second.borrows ? swapped(found->second) : Pages{0};
}

Ledger::Grant Ledger::grant_back(std::int32_t pid, Pages most, Pages evicted) {
    using enum Grant::Answer;
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || found->second.borrows) {
        return {.answer = kFree, .pages = most};
    }
    Book& book = found->second;
    if (const Pages in_swap = swapped(book); in_swap < evicted) {
        return {.answer = kFree, .pages = std::min(most, evicted - in_swap)};
    }
    if (book.payment) {
        return {.answer = kLater};
    }
    const engine::Task* const task = engine_.find(book.task);
    if (task == nullptr || task->dying) {
        return {.answer = kNever};
    }
    for (auto& layer : book.layers) {
        if (const auto run = engine_.swapped_run(layer->mapping, 0)) {
            const Pages pages{std::min(run->count, most.count())};
            auto operation = engine_.touch(book.task, layer->mapping, {run->first, pages.count()},
                                           engine::Access::kWrite);
            book.payment = Book::Payment{layer,           nullptr, run->first, pages.count(),
                                         operation->id(), true,    true};
            return {kPay, std::move(operation), pages};
        }
    }
    return {.answer = kFree, .pages = most};
}

std::uint64_t Ledger::trim(Layer& layer, std::optional<std::uint64_t> swapped) {
    std::uint64_t most = 0;
    for (const auto& [pid, pages] : layer.holders) {
        most = std::max(most, pages);
    }
    std::uint64_t excess = layer.there() - std::min(layer.there(), most);
    std::uint64_t from_swap = 0;
    while (from_swap < std::min(excess, swapped.value_or(0))) {
        const auto run = engine_.swapped_run(layer.mapping, 0);
        if (!run || run->first >= layer.pages) {
            break;
        }
        const std::uint64_t count = std::min(run->count, std::min(excess, *swapped) - from_swap);
        make_hole(layer, {run->first, count});
        from_swap += count;
    }
    excess -= from_swap;
    if (swapped && excess > 0) {
        excess -= free_resident(layer, excess);
    }
    while (excess > 0) {
        const auto hole = layer.holes.rbegin();
        const std::uint64_t begin = hole != layer.holes.rend() ? hole->first + hole->second : 0;
        const std::uint64_t count = std::min(excess, layer.pages - begin);
        make_hole(layer, {layer.pages - count, count});
        excess -= count;
    }
    return from_swap;
}

/// From the end, up to so many that are neither holes nor in swap: how many.
std::uint64_t Ledger::free_resident(Layer& layer, std::uint64_t pages) {
    std::map<std::uint64_t, std::uint64_t> others = layer.holes;
    for (auto run = engine_.swapped_run(layer.mapping, 0); run;
         run = engine_.swapped_run(layer.mapping, run->first + run->count)) {
        others.emplace(run->first, run->count);
    }
    std::uint64_t freed = 0;
    std::uint64_t end = layer.pages;
    for (auto at = others.rbegin(); freed < pages && end > 0; ++at) {
        const bool is_last = at == others.rend();
        const std::uint64_t begin = is_last ? 0 : at->first + at->second;
        const std::uint64_t count = begin < end ? std::min(pages - freed, end - begin) : 0;
        if (count > 0) {
            make_hole(layer, {end - count, count});
            freed += count;
        }
        if (is_last) {
            break;
        }
        end = std::min(end, at->first);
    }
    return freed;
}

/// One at the end is none.
void Ledger::make_hole(Layer& layer, engine::Engine::Range range) {
    engine_.free_pages(layer.mapping, {range.first, range.count});
    auto [at, is_new] = layer.holes.emplace(range.first, range.count);
    layer.in_holes += range.count;
    if (const auto next = std::next(at);
        next != layer.holes.end() && next->first == at->first + at->second) {
        at->second += next->second;
        layer.holes.erase(next);
    }
    if (at != layer.holes.begin()) {
        const auto before = std::prev(at);
        if (before->first + before->second == at->first) {
            before->second += at->second;
            layer.holes.erase(at);
            at = before;
        }
    }
    if (at->first + at->second == layer.pages) {
        layer.pages = at->first;
        layer.in_holes -= at->second;
        layer.holes.erase(at);
    }
}

/// Where so many pages in a row can come.
engine::Engine::Range Ledger::room_in(const Layer& layer, std::uint64_t pages) {
    const auto hole = std::find_if(layer.holes.begin(), layer.holes.end(),
                                   [pages](const auto& each) { return each.second >= pages; });
    return {hole != layer.holes.end() ? hole->first : layer.pages, pages};
}

void Ledger::fill_room(Layer& layer, engine::Engine::Range range) {
    const auto hole = layer.holes.find(range.first);
    if (hole == layer.holes.end()) {
        layer.pages += range.count;
        return;
    }
    const std::uint64_t rest = hole->second - range.count;
    layer.holes.erase(hole);
    layer.in_holes -= range.count;
    if (rest > 0) {
        layer.holes.emplace(range.first + range.count, rest);
    }
}

}  // namespace memcgfs::meter
