// SPDX-License-Identifier: MIT
//
// userfaultfd(2) of one process: its threads wait where they touch private memory that is not there
// yet, until somebody puts a page.
//
// What happens to the memory otherwise (munmap, MADV_DONTNEED, exec) needs no word here: what has
// gone is missing again. A child made by fork(2) has no gate. Pages that are there when the gate is
// raised, and copies of pages of files and of shared ones, do not wait. Where pages are evicted it
// is otherwise: the process waits in such calls until it has been read what becomes of its memory,
// and a child is born with a gate.
//
// Threads: any, one at a time. Who reads the faults must not touch the process's memory himself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "memcgfs/base/result.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/base/units.h"

namespace memcgfs::meter {

class FaultGate {
public:
    /// The most pages that are put at one go; what the kernel charges at a time
    /// (MEMCG_CHARGE_BATCH, 6.1).
    static constexpr Pages kMostPages{64};

    /// What it is for.
    enum class Use : std::uint8_t { kCharging, kEviction };

    struct Fault {
        std::uint64_t address = 0;  ///< of the page
        std::int32_t tid = 0;       ///< as it is called in its own pid namespace
        bool write = false;
    };
    /// Somebody writes to a page that is protected.
    struct Blocked {
        std::uint64_t address = 0;
    };
    /// The pages of the range are going, or have gone (madvise(2), munmap(2) and its like).
    struct Removed {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
    };
    /// mremap(2).
    struct Moved {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::uint64_t length = 0;
    };
    using Message = std::variant<Fault, Blocked, Removed, Moved, FaultGate>;

    /// Takes over what userfaultfd(O_NONBLOCK) gave the process. EINVAL: this kernel cannot say
    /// which thread waits (before 4.14), or, for eviction, protect pages (5.7). EPERM: eviction
    /// wants CAP_SYS_PTRACE.
    static Result<FaultGate> open(UniqueFd file, Use use = Use::kCharging);

    int file() const { return file_.get(); }
    /// Threads wait in the range from now on. EINVAL: not only private memory is mapped there.
    Result<void> guard(std::uint64_t start, std::uint64_t length);
    /// What comes next; a FaultGate is that of a child that has been forked. What is not a Fault
    /// comes with kEviction alone, and its process waits until it has been read.
    std::optional<Message> next();
    /// Puts empty pages from the address on, as many as have not been there and are mapped, and
    /// wakes who waits for them: how many.
    Pages fill(std::uint64_t address, Pages pages);
    /// The same with the page that holds nothing but zeros, which costs nothing until it is written
    /// to.
    Pages fill_with_zero_page(std::uint64_t address, Pages pages);

    /// What became of pages that were to be put back.
    struct Restored {
        Pages pages{};
        /// Of the one behind them. EEXIST: something is there; EAGAIN: a message is to be read
        /// first; ENOENT: nothing is mapped there, or no gate; ESRCH: the process has no memory any
        /// more.
        std::optional<Errno> error{};
    };
    /// Puts pages with these contents, and wakes who waits for them.
    Restored restore(std::uint64_t address, std::span<const std::byte> contents);
    /// Who writes to pages of the range that are there waits from now on, or no more.
    Result<void> protect(std::uint64_t start, std::uint64_t length, bool on);
    /// Who waits for the page looks again.
    void wake(std::uint64_t address);

private:
    FaultGate(UniqueFd file, Use use) : file_(std::move(file)), use_(use) {}
    Pages filled(std::int64_t bytes, std::uint64_t address, Pages pages);

    UniqueFd file_;
    Use use_;
};

}  // namespace memcgfs::meter
