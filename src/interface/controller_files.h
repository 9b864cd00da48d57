// SPDX-License-Identifier: MIT
//
// What the tables of controllers other than memory share. Engine lock held.
#pragma once

#include "interface/services.h"
#include "memcgfs/base/parse_number.h"
#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

using States = engine::ControllerStates;

/// As it is, or as made.
template <auto kMember>
auto state_of(const ShowContext& context) {
    return context.group.states.get<kMember>();
}
template <auto kMember>
auto& state_to_set(StoreContext& context) {
    return context.group.states.set<kMember>();
}

constexpr Cftype since(Cftype row, engine::KernelVersion first) {
    row.since = first;
    return row;
}

template <std::uint64_t kValue>
Result<void> show_constant(const ShowContext&, TextBuffer& out) {
    out.print("{}\n", kValue);
    return {};
}
inline Result<void> show_nothing(const ShowContext&, TextBuffer&) { return {}; }

/// The first word, taken off with the single space behind it (strsep).
inline std::string_view take_word(std::string_view& text) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    return word;
}

inline std::string_view skip_spaces(std::string_view text) {
    while (!text.empty() && is_kernel_space(text.front())) {
        text.remove_prefix(1);
    }
    return text;
}

}  // namespace memcgfs::interface
