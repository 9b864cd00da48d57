// SPDX-License-Identifier: MIT
//
// The part of the books that is about locked memory (mlock(2)), and about giving pages back, in
// which it comes last. A mapping of the engine is locked as a whole, so locked pages have some of
// their own.
#include <algorithm>

#include "memcgfs/meter/ledger.h"

namespace memcgfs::meter {

void Ledger::locks(std::int32_t pid, Pages locked) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || found->second.borrows || found->second.payment) {
        return;
    }
    Book& book = found->second;
    book.locked = locked.count();
    if (book.locked == 0) {
        for (const auto& layer : book.layers) {
            unlock(pid, *layer);
        }
        return;
    }
    // The next look finds them in nobody's books, and pays for them anew.
    const std::uint64_t booked = booked_as_locked(pid, book);
    give_back_of(pid, book, booked - std::min(booked, book.locked), true);
}

std::uint64_t Ledger::booked_as_locked(std::int32_t pid, const Book& book) const {
    std::uint64_t pages = 0;
    for (const auto& layer : book.layers) {
        pages += layer->locked_by == pid ? layer->holders.at(pid) : 0;
    }
    return pages;
}

void Ledger::unlock(std::int32_t pid, Layer& layer) {
    if (layer.locked_by == pid) {
        layer.locked_by = 0;
        engine_.unlock_mapping(layer.mapping);
    }
}

void Ledger::give_back(std::int32_t pid, Book& book, std::uint64_t pages,
                       std::optional<std::uint64_t> swapped) {
    pages = give_back_of(pid, book, pages, false, swapped);
    const std::uint64_t uncharged = std::min(book.uncharged, pages);
    book.uncharged -= uncharged;
    give_back_of(pid, book, pages - uncharged, true);
}

std::uint64_t Ledger::give_back_of(std::int32_t pid, Book& book, std::uint64_t pages, bool locked,
                                   std::optional<std::uint64_t> swapped) {
    for (auto at = book.layers.rbegin(); at != book.layers.rend() && pages > 0; ++at) {
        if (((*at)->locked_by == pid) != locked) {
            continue;
        }
        std::uint64_t& held = (*at)->holders.at(pid);
        const std::uint64_t freed = std::min(held, pages);
        held -= freed;
        pages -= freed;
        if (freed > 0) {
            const std::uint64_t from_swap = trim(**at, swapped);
            swapped = swapped ? std::optional(*swapped - from_swap) : std::nullopt;
        }
    }
    return pages;
}

}  // namespace memcgfs::meter
