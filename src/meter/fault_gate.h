// SPDX-License-Identifier: MIT
//
// userfaultfd(2) of one process: its threads wait where they touch private memory that is not there
// yet, until somebody puts a page.
//
// What happens to the memory otherwise (munmap, MADV_DONTNEED, exec) needs no word here: what has
// gone is missing again. A child made by fork(2) has no gate. Pages that are there when the gate is
// raised, and copies of pages of files and of shared ones, do not wait.
//
// Threads: any, one at a time. Who reads the faults must not touch the process's memory himself.
#pragma once

#include <cstdint>
#include <optional>

#include "memcgfs/base/result.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/base/units.h"

namespace memcgfs::meter {

class FaultGate {
public:
    /// The most pages that are put at one go; what the kernel charges at a time
    /// (MEMCG_CHARGE_BATCH, 6.1).
    static constexpr Pages kMostPages{64};

    struct Fault {
        std::uint64_t address = 0;  ///< of the page
        std::int32_t tid = 0;       ///< as it is called in its own pid namespace
        bool write = false;
    };

    /// Takes over what userfaultfd(O_NONBLOCK) gave the process. EINVAL: this kernel cannot say
    /// which thread waits (before 4.14).
    static Result<FaultGate> open(UniqueFd file);

    int file() const { return file_.get(); }
    /// Threads wait in the range from now on. EINVAL: not only private memory is mapped there.
    Result<void> guard(std::uint64_t start, std::uint64_t length);
    /// The next one that waits.
    std::optional<Fault> next();
    /// Puts empty pages from the address on, as many as have not been there and are mapped, and
    /// wakes who waits for them: how many.
    Pages fill(std::uint64_t address, Pages pages);
    /// The same with the page that holds nothing but zeros, which costs nothing until it is written
    /// to.
    Pages fill_with_zero_page(std::uint64_t address, Pages pages);

private:
    explicit FaultGate(UniqueFd file) : file_(std::move(file)) {}
    Pages filled(std::int64_t bytes, std::uint64_t address, Pages pages);

    UniqueFd file_;
};

}  // namespace memcgfs::meter
