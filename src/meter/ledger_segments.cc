// SPDX-License-Identifier: MIT
//
// The part of the books that is about shared memory.
#include <algorithm>

#include "memcgfs/meter/ledger.h"

namespace memcgfs::meter {

void Ledger::shares(std::int32_t pid, const std::vector<SharedSegment>& segments, Since since) {
    const MutexLock lock(engine_mutex_);
    const auto found = books_.find(pid);
    if (found == books_.end() || found->second.borrows) {
        return;
    }
    Book& book = found->second;
    const auto before = book.segments;
    for (const auto& segment : before) {
        const bool stays =
            std::any_of(segments.begin(), segments.end(),
                        [&](const SharedSegment& seen) { return seen.key == segment->key; });
        if (!stays) {
            leave_segment(pid, book, *segment);
        }
    }
    for (const SharedSegment& seen : segments) {
        use_segment(pid, book, seen, since);
    }
}

void Ledger::use_segment(std::int32_t pid, Book& book, const SharedSegment& seen, Since since) {
    auto& segment = segments_[seen.key];
    if (segment == nullptr) {
        segment = std::make_shared<Segment>();
        segment->key = seen.key;
        segment->is_sysv = seen.is_sysv;
        segment->pages = since == Since::kBefore ? seen.pages.count() : 0;
        segment->mapping = engine_.create_mapping(engine::TaskId{}, engine::PageKind::kShmem);
    }
    if (segment->users.insert(pid).second) {
        engine_.map_mapping(book.task, segment->mapping);
        book.segments.push_back(segment);
    }
    // What one process has touched of it is not less because another has touched more.
    segment->seen = seen.is_part && segment->users.size() > 1
                        ? std::max(segment->seen, seen.pages.count())
                        : seen.pages.count();
    if (segment->seen < segment->pages && !segment->paid_for) {
        engine_.free_pages(segment->mapping, {segment->seen, segment->pages - segment->seen});
        segment->pages = segment->seen;
    }
}

void Ledger::leave_segment(std::int32_t pid, Book& book, Segment& segment) {
    const auto own = std::find_if(book.segments.begin(), book.segments.end(),
                                  [&](const auto& each) { return each.get() == &segment; });
    const std::shared_ptr<Segment> kept = *own;
    book.segments.erase(own);
    kept->users.erase(pid);
    engine_.unmap_mapping(book.task, kept->mapping, true);
    if (kept->users.empty() && !kept->is_sysv) {
        engine_.destroy_mapping(kept->mapping);
        segments_.erase(kept->key);
    }
}

void Ledger::drop_segments(std::int32_t pid, Book& book) {
    while (!book.segments.empty()) {
        leave_segment(pid, book, *book.segments.back());
    }
}

std::unique_ptr<Operation> Ledger::pay_for_segments(Book& book) {
    const engine::Task* const task = engine_.find(book.task);
    if (task == nullptr || task->dying) {
        return nullptr;
    }
    for (const auto& segment : book.segments) {
        if (segment->seen > segment->pages && !segment->paid_for) {
            const std::uint64_t pages = segment->seen - segment->pages;
            segment->paid_for = true;
            auto operation = engine_.touch(book.task, segment->mapping, {segment->pages, pages},
                                           engine::Access::kWrite);
            book.payment = Book::Payment{nullptr, segment, segment->pages, pages, operation->id()};
            return operation;
        }
    }
    return nullptr;
}

bool Ledger::has_unmapped_segments() const {
    const MutexLock lock(engine_mutex_);
    return std::any_of(segments_.begin(), segments_.end(),
                       [](const auto& each) { return each.second->users.empty(); });
}

void Ledger::keep_sysv(const std::vector<std::uint64_t>& numbers) {
    const MutexLock lock(engine_mutex_);
    for (auto at = segments_.begin(); at != segments_.end();) {
        const Segment& segment = *at->second;
        const bool stays = !segment.users.empty() ||
                           std::binary_search(numbers.begin(), numbers.end(), segment.key.inode);
        if (!stays) {
            engine_.destroy_mapping(segment.mapping);
        }
        at = stays ? std::next(at) : segments_.erase(at);
    }
}

}  // namespace memcgfs::meter
