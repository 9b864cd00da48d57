// SPDX-License-Identifier: MIT
//
// A tree over a FakeProvider, with a clock that the test sets.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "memcgfs/vfs/tree.h"
#include "support/catch.hpp"
#include "unit/vfs/fake_provider.h"

namespace memcgfs::vfs::testing {

/// The error of a result that must have failed; success fails the test's comparison.
template <class T>
int error_of(const Result<T>& result) {
    return result.ok() ? 0 : to_int(result.error());
}

struct Fixture {
    explicit Fixture(DirKey root = FakeProvider::kRoot)
        : tree(
              provider, [this] { return timespec{now_seconds, 0}; },
              Tree::Options{.uid = 1, .gid = 2, .root = root}) {}

    time_t now_seconds = 100;
    FakeProvider provider;
    Tree tree;
    const Credentials user{1000, 1001, 42};

    NodeId node(NodeId parent, std::string_view name) {
        return tree.lookup(parent, name).value().node;
    }
    std::unique_ptr<OpenFile> open(NodeId parent, std::string_view name, int flags = 2) {
        return tree.open(node(parent, name), flags, user).value();
    }
    std::unique_ptr<OpenFile> open_directory(NodeId directory = kRootNode) {
        return tree.open(directory, 0, user).value();
    }
    NodeId mkdir(NodeId parent, std::string_view name) {
        return tree.mkdir(parent, name, 0755, user).value().node;
    }
    std::string read(OpenFile& file, std::uint64_t offset, std::size_t size = 4096) {
        return tree.read(file, offset, size, user).value();
    }
    int read_error(OpenFile& file, std::uint64_t offset) {
        return error_of(tree.read(file, offset, 4096, user));
    }
    int write(OpenFile& file, std::string_view text) {
        return error_of(tree.write(file, text, user));
    }
};

}  // namespace memcgfs::vfs::testing
