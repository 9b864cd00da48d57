// SPDX-License-Identifier: MIT
#include "meter/evicted_pages.h"

#include <algorithm>
#include <utility>

namespace memcgfs::meter {

EvictedPages::~EvictedPages() { drop_all(); }

EvictedPages::EvictedPages(EvictedPages&& other) noexcept
    : file_(other.file_), slots_(std::exchange(other.slots_, {})) {}

std::optional<SwapFile::Slot> EvictedPages::find(std::uint64_t address) const {
    const auto found = slots_.find(address);
    return found != slots_.end() ? std::optional(found->second) : std::nullopt;
}

std::optional<std::uint64_t> EvictedPages::next(std::uint64_t address) const {
    const auto found = slots_.lower_bound(address);
    return found != slots_.end() ? std::optional(found->first) : std::nullopt;
}

Pages EvictedPages::run(std::uint64_t address, Pages most) const {
    std::uint64_t pages = 0;
    for (auto at = slots_.find(address);
         at != slots_.end() && pages < most.count() && at->first == address + pages * kPageSize;
         ++at) {
        pages++;
    }
    return Pages{pages};
}

Pages EvictedPages::gap(std::uint64_t address, Pages most) const {
    const auto found = slots_.lower_bound(address);
    return found == slots_.end() ? most
                                 : std::min(most, Pages{(found->first - address) / kPageSize});
}

void EvictedPages::add(std::uint64_t address, SwapFile::Slot slot) {
    const auto [at, is_new] = slots_.emplace(address, slot);
    if (!is_new) {
        file_->give_back(std::exchange(at->second, slot));
    }
}

void EvictedPages::drop(std::uint64_t start, std::uint64_t end) {
    auto at = slots_.lower_bound(start);
    while (at != slots_.end() && at->first < end) {
        file_->give_back(at->second);
        at = slots_.erase(at);
    }
}

void EvictedPages::move(std::uint64_t from, std::uint64_t to, std::uint64_t length) {
    std::vector<std::pair<std::uint64_t, SwapFile::Slot>> moved;
    auto at = slots_.lower_bound(from);
    while (at != slots_.end() && at->first < from + length) {
        moved.emplace_back(at->first - from + to, at->second);
        at = slots_.erase(at);
    }
    for (const auto& [address, slot] : moved) {
        add(address, slot);
    }
}

void EvictedPages::keep_only(const std::vector<PrivateMemory>& ranges) {
    std::uint64_t end = 0;
    for (const PrivateMemory& range : ranges) {
        drop(end, range.start);
        end = range.end;
    }
    drop(end, UINT64_MAX);
}

EvictedPages EvictedPages::copy() const {
    EvictedPages same(*file_);
    same.slots_ = slots_;
    for (const auto& [address, slot] : slots_) {
        file_->share(slot);
    }
    return same;
}

}  // namespace memcgfs::meter
