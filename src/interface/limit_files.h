// SPDX-License-Identifier: MIT
//
// Functions of files that show or set one page counter, shared by the tables. Engine lock held.
#pragma once

#include "interface/services.h"
#include "memcgfs/base/parse_number.h"
#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

/// The words for "no limit".
inline constexpr std::string_view kV1MaxWord = "-1";
inline constexpr std::string_view kV2MaxWord = "max";

template <engine::CounterKind kKind>
engine::PageCounter& counter_of(const ShowContext& context) {
    return context.engine.counter(context.memcg(), kKind);
}

/// A limit of a v1 file, as the kernel shows it and takes it: up to 3.18 (res_counter) none is
/// LLONG_MAX and parts of pages count as whole ones; later none is that many whole pages, and parts
/// are cut off. EINVAL.
void print_v1_limit(const engine::Profile& profile, Pages limit, TextBuffer& out);
Result<Pages> parse_v1_limit(const engine::Profile& profile, std::string_view text);

template <engine::CounterKind kKind>
Result<void> show_usage(const ShowContext& context, TextBuffer& out) {
    print_bytes(out, context.engine.usage(context.memcg(), kKind));
    return {};
}

// memory.min, memory.low and memory.high: v2, and v1 where Alibaba's kernels have them.
Result<void> show_min(const ShowContext& context, TextBuffer& out);
Result<void> show_low(const ShowContext& context, TextBuffer& out);
Result<void> show_high(const ShowContext& context, TextBuffer& out);
Result<vfs::StoreOutcome> store_min(StoreContext& context, std::string_view text);
Result<vfs::StoreOutcome> store_low(StoreContext& context, std::string_view text);
Result<vfs::StoreOutcome> store_high(StoreContext& context, std::string_view text);

}  // namespace memcgfs::interface
