// SPDX-License-Identifier: MIT
#include "interface/limit_files.h"

namespace memcgfs::interface {

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
