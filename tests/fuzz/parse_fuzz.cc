// SPDX-License-Identifier: MIT
//
// Every parser of written text, fed with anything. What must hold for all texts is asserted.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "memcgfs/base/assert.h"
#include "memcgfs/base/parse_number.h"
#include "memcgfs/interface/controllers.h"
#include "memcgfs/interface/event_control.h"

namespace {

using namespace memcgfs;

void parse_numbers(std::string_view text) {
    for (const std::string_view max_word : {"max", "-1", ""}) {
        const auto pages = parse_pages(text, max_word);
        MEMCGFS_ASSERT(!pages.ok() || *pages <= kPageCounterMax);
        MEMCGFS_ASSERT(pages.ok() || pages.error() == Errno::kEINVAL);
    }
    const auto wide = parse_u64(text);
    const auto narrow = parse_u32(text);
    // The narrow parser strips, so it takes more forms of the numbers that fit.
    MEMCGFS_ASSERT(!wide.ok() || *wide > UINT32_MAX || (narrow.ok() && *narrow == *wide));
    const auto integer = parse_i32(text);
    const auto pid = parse_pid(text);
    MEMCGFS_ASSERT(pid.ok() == (integer.ok() && *integer >= 0));
    MEMCGFS_ASSERT(strip(strip(text)) == strip(text));
    MEMCGFS_ASSERT(memparse(text).length <= until_nul(text).size());
}

void parse_commands(std::string_view text) {
    for (const engine::Profile& profile : engine::profiles()) {
        const auto change = interface::parse_subtree_control(text, profile);
        MEMCGFS_ASSERT(!change.ok() || (change->enable & change->disable) == 0);
    }
    if (const auto request = interface::parse_event_request(text); request.ok()) {
        for (const std::string_view file :
             {"memory.usage_in_bytes", "memory.pressure_level", "memory.oom_control"}) {
            const auto checked = interface::parse_event_arguments(file, request->arguments);
            MEMCGFS_ASSERT(checked.ok() || checked.error() == Errno::kEINVAL);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    parse_numbers(text);
    parse_commands(text);
    return 0;
}
