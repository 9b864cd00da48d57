// SPDX-License-Identifier: MIT
//
// Documents and outputs, made of anything.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "memcgfs/base/assert.h"
#include "memcgfs/replay/compare.h"
#include "memcgfs/replay/document.h"
#include "memcgfs/replay/list.h"

namespace {

using namespace memcgfs;

void parse(std::string_view text) {
    const auto document =
        replay::parse_document(text, [](std::string_view word) { return word.size() % 2 == 0; });
    if (!document.ok()) {
        MEMCGFS_ASSERT(!document.error().empty());
        return;
    }
    MEMCGFS_ASSERT(!document->blocks.empty());
    std::size_t line = 0;
    for (const replay::Block& block : document->blocks) {
        MEMCGFS_ASSERT(block.first > line && block.first <= block.last);
        MEMCGFS_ASSERT(block.last <= document->lines.size() && !block.commands.empty());
        for (const replay::Command& command : block.commands) {
            MEMCGFS_ASSERT(command.line > line && command.line <= block.last);
            MEMCGFS_ASSERT(!command.text.empty());
            line = command.line;
        }
        line = block.last;
    }
    for (const replay::Row& row : replay::list_of(*document).rows) {
        for (const replay::Step& step : row.steps) {
            MEMCGFS_ASSERT(replay::commands_of(step, document->lines).ok());
        }
    }
}

void name_lines(std::string_view text) {
    const auto lines = replay::split_lines(text);
    const auto commands = replay::commands_in(lines, 1, lines.size());
    MEMCGFS_ASSERT(!commands.ok() || !commands->empty());
}

void compare(std::string_view text) {
    const std::string_view shown = text.substr(0, text.size() / 2);
    const std::string_view got = text.substr(shown.size());
    MEMCGFS_ASSERT(replay::same_output(shown, shown));
    MEMCGFS_ASSERT(replay::same_output(shown, shown, 5));
    if (replay::same_output(shown, got)) {
        MEMCGFS_ASSERT(replay::same_output(got, shown) && replay::same_output(shown, got, 5));
    }
    const std::string once = replay::normalised(text);
    MEMCGFS_ASSERT(replay::normalised(once) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    parse(text);
    name_lines(text);
    compare(text);
    return 0;
}
