// SPDX-License-Identifier: MIT
//
// The text of a file while it is being made. The one place where fmt meets file contents.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "memcgfs/base/units.h"

namespace memcgfs {

class TextBuffer {
public:
    template <class... Args>
    void print(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    }
    void append(std::string_view text) { text_.append(text); }

    std::string_view view() const { return text_; }
    std::string take() && { return std::move(text_); }

private:
    std::string text_;
};

}  // namespace memcgfs
