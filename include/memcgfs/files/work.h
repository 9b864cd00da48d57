// SPDX-License-Identifier: MIT
//
// A request that needs pages: the engine's operations over its runs of pages, one after another,
// and then what is to be done with the pages.
//
// Begun in the order: next() until it gives nothing, each operation run to its end; then finish().
// Not synchronised: one thread at a time, which holds no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/files/file_data.h"
#include "memcgfs/files/payers.h"

namespace memcgfs::files {

/// What a file system needs so that its pages are charged. All of it outlives the file system.
struct ChargeParts {
    engine::Engine& engine;
    Mutex& engine_mutex;
    Payers& payers;
    std::function<void()> flush;  ///< delivers the engine's effects; no lock held
};

class Work {
public:
    using Finish = std::function<Result<std::uint64_t>(const Result<void>& charged)>;
    /// What is to be charged: pages of a mapping, by one task.
    struct Charge {
        engine::TaskId task{};
        engine::MappingId mapping{};
        engine::Access access = engine::Access::kRead;
        std::vector<PageRun> runs = {};
        bool sync = false;  ///< and then what is dirty of the mapping is written back
    };

    /// `parts` outlives it.
    Work(const ChargeParts& parts, Charge charge, Finish finish)
        : parts_(parts), charge_(std::move(charge)), finish_(std::move(finish)) {}

    /// The next operation to run; nullptr: there is none.
    std::unique_ptr<Operation> next();
    /// Does what the pages are for, or gives them back if one could not be had.
    Result<std::uint64_t> finish(const Result<void>& charged) { return finish_(charged); }

private:
    const ChargeParts& parts_;
    Charge charge_;
    const Finish finish_;
    std::size_t at_ = 0;
};

}  // namespace memcgfs::files
