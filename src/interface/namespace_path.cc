// SPDX-License-Identifier: MIT
#include "memcgfs/interface/namespace_path.h"

#include <algorithm>

namespace memcgfs::interface {
namespace {

/// Cuts the first name off a path that begins with a slash; empty: there is none.
std::string_view take_name(std::string_view& path) {
    path.remove_prefix(std::min<std::size_t>(path.size(), 1));
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    return name;
}

}  // namespace

std::string path_from(std::string_view root, std::string_view path) {
    std::string_view above = root;
    std::string_view below = path;
    for (;;) {
        std::string_view next_above = above;
        std::string_view next_below = below;
        const std::string_view name = take_name(next_above);
        if (name.empty() || name != take_name(next_below)) {
            break;
        }
        above = next_above;
        below = next_below;
    }
    std::string shown;
    while (!take_name(above).empty()) {
        shown += "/..";
    }
    if (below != "/") {
        shown += below;
    }
    return shown.empty() ? "/" : shown;
}

}  // namespace memcgfs::interface
