// SPDX-License-Identifier: MIT
#include "supervisor/path.h"

#include <algorithm>

namespace memcgfs::supervisor {
namespace {

void append(std::string& whole, std::string_view path) {
    while (!path.empty()) {
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), name.size() + 1));
        if (name == "..") {
            whole.erase(std::min(whole.size(), whole.rfind('/')));
        } else if (!name.empty() && name != ".") {
            whole.append("/").append(name);
        }
    }
}

}  // namespace

std::string_view last_component(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string normal_path(std::string_view base, std::string_view path) {
    std::string whole;
    if (!path.starts_with('/')) {
        append(whole, base);
    }
    append(whole, path);
    return whole.empty() ? "/" : whole;
}

}  // namespace memcgfs::supervisor
