// SPDX-License-Identifier: MIT
//
// Hears at once of files that have been deleted: a task may be waiting for the memory of their
// pages, and nobody need look at the tree meanwhile.
#pragma once

#include <functional>
#include <thread>

#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::cli {

/// A thread that calls `settle` whenever `descriptor` is readable, until it is destroyed.
class Settler {
public:
    /// `descriptor`: settle() makes it unreadable again; -1: there is nothing to hear.
    Settler(int descriptor, std::function<void()> settle);
    ~Settler();
    Settler(const Settler&) = delete;
    Settler& operator=(const Settler&) = delete;

private:
    runner::UniqueFd stop_;
    std::thread thread_;
};

}  // namespace memcgfs::cli
