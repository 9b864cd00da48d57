// SPDX-License-Identifier: MIT
#include "interface/limit_files.h"

#include <cstdint>
#include <limits>

namespace memcgfs::interface {

void print_v1_limit(const engine::Profile& profile, Pages limit, TextBuffer& out) {
    const bool none = profile.res_counter && limit == kPageCounterMax;
    out.print("{}", none ? std::uint64_t{std::numeric_limits<std::int64_t>::max()}
                         : to_bytes(limit).count());
}

Result<Pages> parse_v1_limit(const engine::Profile& profile, std::string_view text) {
    const Pages pages = MEMCGFS_TRY(parse_pages(text, kV1MaxWord));
    const bool has_part = memparse(strip(text)).value % kPageSize != 0;
    return profile.res_counter && has_part && pages < kPageCounterMax ? pages + Pages{1} : pages;
}

Result<void> show_min(const ShowContext& context, TextBuffer& out) {
    print_limit(out, context.memcg().memory.min());
    return {};
}

Result<void> show_low(const ShowContext& context, TextBuffer& out) {
    print_limit(out, context.memcg().memory.low());
    return {};
}

Result<void> show_high(const ShowContext& context, TextBuffer& out) {
    print_limit(out, context.memcg().memory.high());
    return {};
}

Result<vfs::StoreOutcome> store_min(StoreContext& context, std::string_view text) {
    context.engine.set_min(context.memcg(), MEMCGFS_TRY(parse_pages(text, kV2MaxWord)));
    return done();
}

Result<vfs::StoreOutcome> store_low(StoreContext& context, std::string_view text) {
    context.engine.set_low(context.memcg(), MEMCGFS_TRY(parse_pages(text, kV2MaxWord)));
    return done();
}

Result<vfs::StoreOutcome> store_high(StoreContext& context, std::string_view text) {
    const Pages high = MEMCGFS_TRY(parse_pages(text, kV2MaxWord));
    return go_on(context.engine.set_memory_high(context.memcg(), high));
}

}  // namespace memcgfs::interface
