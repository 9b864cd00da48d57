// SPDX-License-Identifier: MIT
#include "engine/footprint.h"

#include <algorithm>

namespace memcgfs::engine {

namespace {

constexpr unsigned kTableShift = 9;  ///< 512 entries a table

/// Tables of one level that cover the run, beyond those counted so far.
class TableCount {
public:
    explicit TableCount(unsigned shift) : shift_(shift) {}
    void add(const Extent& extent) {
        const std::uint64_t first = std::max(extent.first >> shift_, next_);
        const std::uint64_t end = ((extent.end() - 1) >> shift_) + 1;
        count_ += end > first ? end - first : 0;
        next_ = std::max(next_, end);
    }
    Pages count() const { return Pages{count_}; }

private:
    unsigned shift_;
    std::uint64_t next_ = 0;
    std::uint64_t count_ = 0;
};

void add_mapping(Footprint& sum, Mapping& mapping) {
    TableCount leaves(kTableShift);
    TableCount middle(2 * kTableShift);
    TableCount upper(3 * kTableShift);
    std::uint64_t end = 0;
    while (const Extent* extent = mapping.next(end)) {
        if (extent->state.torn) {
            break;  // behind the region's end; its parts count
        }
        end = extent->end();
        const Pages pages{extent->count};
        const bool swapped = extent->state.where == PageState::Where::kSwapped;
        if (swapped && mapping.kind() != PageKind::kAnon) {
            continue;  // no entry of any page table
        }
        if (swapped) {
            sum.swapped += pages;
        } else if (!extent->state.mapped) {
            continue;
        } else if (mapping.kind() == PageKind::kAnon) {
            sum.anon += pages;
        } else {
            (mapping.kind() == PageKind::kFile ? sum.file : sum.shmem) += pages;
        }
        leaves.add(*extent);
        middle.add(*extent);
        upper.add(*extent);
    }
    sum.page_tables += leaves.count() + middle.count() + upper.count();
    sum.virtual_size += std::max(mapping.size, Pages{end});
}

}  // namespace

Footprint footprint(const Engine::State& state, const Task& task) {
    Footprint sum;
    for (const MappingId id : task.regions) {
        if (Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
            add_mapping(sum, *mapping);
        }
    }
    return sum;
}

}  // namespace memcgfs::engine
