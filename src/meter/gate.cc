// SPDX-License-Identifier: MIT
#include "meter/gate.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <variant>

namespace memcgfs::meter {

namespace {

bool is_own_thread(std::int32_t tid) { return syscall(SYS_tgkill, getpid(), tid, 0) == 0; }

template <class... Each>
struct Cases : Each... {
    using Each::operator()...;
};

}  // namespace

bool Gate::take(FaultGate::Fault& fault) {
    const MutexLock lock(mutex);
    if (busy || waiting.empty() || !gate || frozen_by != 0) {
        return false;
    }
    busy = true;
    later = false;
    fault = waiting.front();
    waiting.pop_front();
    return true;
}

void Gate::put_back(const FaultGate::Fault& fault) {
    const MutexLock lock(mutex);
    waiting.push_front(fault);
    busy = false;
    later = true;
}

void Gate::done() {
    const MutexLock lock(mutex);
    busy = false;
}

Pages Gate::row_for(const FaultGate::Fault& fault) {
    const MutexLock lock(mutex);
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& one) { return one.next == fault.address; });
    if (row != rows.end()) {
        const std::uint64_t length = row->length.count();
        return std::clamp(Pages{std::max(std::min(length, kDoubles), length / kAhead)}, Pages{1},
                          FaultGate::kMostPages);
    }
    rows.push_front({fault.address, Pages{0}});
    if (rows.size() > kRows) {
        rows.pop_back();
    }
    return Pages{1};
}

void Gate::has_put(const FaultGate::Fault& fault, Pages pages) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& one) { return one.next == fault.address; });
    if (row != rows.end()) {
        row->next += pages.count() * kPageSize;
        row->length += pages;
        std::rotate(rows.begin(), row, row + 1);
    }
}

bool Gate::has_evicted(std::uint64_t address) {
    const MutexLock lock(mutex);
    return evicted && evicted->find(address);
}

Pages Gate::fill(const FaultGate::Fault& fault, Pages pages) {
    const Pages most = evicted ? evicted->gap(fault.address, pages) : pages;
    if (most == Pages{0}) {
        gate->wake(fault.address);  // it has been evicted meanwhile: to be touched again
        return most;
    }
    return gate->fill(fault.address, most);
}

Result<Pages> Gate::bring_back(std::uint64_t address, Pages pages) {
    std::array<std::byte, FaultGate::kMostPages.count() * kPageSize> contents;
    const std::uint64_t count =
        evicted->run(address, std::min(pages, FaultGate::kMostPages)).count();
    for (std::uint64_t page = 0; page < count; ++page) {
        const auto slot = evicted->find(address + page * kPageSize);
        const SwapFile::Page place(contents.data() + page * kPageSize, kPageSize);
        if (const auto read = evicted->file().get(*slot, place); !read.ok()) {
            lost = true;
            return Err(Errno::kEIO);
        }
    }
    std::uint64_t end = count;
    std::uint64_t page = 0;
    while (page < end) {
        const std::uint64_t at = address + page * kPageSize;
        const FaultGate::Restored restored = gate->restore(
            at, std::span(contents).subspan(page * kPageSize, (end - page) * kPageSize));
        std::uint64_t over = restored.pages.count();
        if (restored.error == Errno::kESRCH) {
            evicted->drop_all();  // nobody wants it any more
            return Pages{page};
        }
        if (restored.error == Errno::kEEXIST) {
            over = 1;  // what is there is newer
        } else if (restored.error == Errno::kENOENT && end - page > 1) {
            end = page + 1;  // they are of more than one mapping
        } else if (restored.error) {
            return *restored.error == Errno::kEAGAIN ? Result<Pages>(Err(Errno::kEAGAIN))
                                                     : Result<Pages>(Pages{page});
        }
        evicted->drop(at, at + over * kPageSize);
        page += over;
    }
    return Pages{page};
}

Result<void> Gate::bring_all_back() {
    std::uint64_t address = 0;
    while (evicted && gate) {
        const auto next = evicted->next(address);
        if (!next) {
            break;
        }
        const Result<Pages> back = bring_back(*next, FaultGate::kMostPages);
        if (back.ok()) {
            // Where there is no gate any more the pages are about to be told as gone.
            address = *next + std::max(back->count(), std::uint64_t{1}) * kPageSize;
        } else if (back.error() == Errno::kEAGAIN) {
            read_messages();
        } else {
            return Err(back.error());
        }
    }
    return {};
}

void Gate::read_messages() {
    while (gate) {
        auto message = gate->next();
        if (!message) {
            break;
        }
        take_in(std::move(*message));
    }
}

void Gate::take_in(FaultGate::Message message) {
    const auto forget = [this](std::uint64_t start, std::uint64_t end) {
        // What is evicted now goes by a call of ours.
        if (evicted && frozen_by == 0) {
            evicted->drop(start, end);
        }
    };
    std::visit(
        Cases{[this](const FaultGate::Fault& fault) {
                  if (frozen_by != 0 && fault.tid != frozen_by && is_own_thread(fault.tid)) {
                      own_faults.push_back(fault);
                  } else if (pid == 0 || is_own_thread(fault.tid)) {
                      serve_at_once(fault);
                  } else {
                      waiting.push_back(fault);
                  }
              },
              [this](const FaultGate::Blocked& writer) {
                  if (frozen_by != 0) {
                      blocked.push_back(writer.address);
                  } else {
                      static_cast<void>(gate->protect(writer.address, kPageSize, false).ok());
                  }
              },
              [&](const FaultGate::Removed& range) { forget(range.start, range.end); },
              [this](const FaultGate::Moved& moved) {
                  if (evicted) {
                      evicted->move(moved.from, moved.to, moved.length);
                  }
              },
              [this](FaultGate& child) {
                  if (evicted) {
                      newborns.emplace_back(std::move(child), evicted->copy());
                  }
              }},
        message);
}

/// Nobody pays for it now. DEVIATION(own-threads-pay-later)
void Gate::serve_at_once(const FaultGate::Fault& fault) {
    if (evicted && evicted->find(fault.address)) {
        static_cast<void>(bring_back(fault.address, Pages{1}).ok());
    } else if (fault.write) {
        gate->fill(fault.address, Pages{1});
    } else {
        gate->fill_with_zero_page(fault.address, Pages{1});
    }
}

bool Gate::freeze(pid_t evictor) {
    const MutexLock lock(mutex);
    if (!gate || !evicted) {
        return false;
    }
    frozen_by = evictor;
    return true;
}

void Gate::thaw() {
    const MutexLock lock(mutex);
    frozen_by = 0;
    later = true;
    for (const FaultGate::Fault& fault : std::exchange(own_faults, {})) {
        if (gate) {
            serve_at_once(fault);
        }
    }
    for (const std::uint64_t address : std::exchange(blocked, {})) {
        if (gate) {
            static_cast<void>(gate->protect(address, kPageSize, false).ok());
            gate->wake(address);
        }
    }
}

bool Gate::protect(std::uint64_t start, std::uint64_t length) {
    const MutexLock lock(mutex);
    if (!gate || !evicted || evicting || !gate->protect(start, length, true).ok()) {
        return false;
    }
    evicting = Eviction{start, length, {}};
    return true;
}

void Gate::add(std::uint64_t address, SwapFile::Slot slot) {
    const MutexLock lock(mutex);
    evicted->add(address, slot);
    evicting->added.push_back(address);
}

void Gate::unprotect(bool gone) {
    const MutexLock lock(mutex);
    if (!evicting) {
        return;
    }
    const Eviction range = *std::exchange(evicting, std::nullopt);
    for (const std::uint64_t address : gone ? std::vector<std::uint64_t>{} : range.added) {
        evicted->drop(address, address + kPageSize);
    }
    if (!gone && gate) {
        static_cast<void>(gate->protect(range.start, range.length, false).ok());
    }
}

}  // namespace memcgfs::meter
