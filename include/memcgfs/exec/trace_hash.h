// SPDX-License-Identifier: MIT
//
// Folds the engine's history into one number, and keeps its end for people.
//
// The hash is 64-bit FNV-1a over each event's four fields as little-endian 64-bit words: the same
// on every platform. Equal seeds must give equal hashes.
//
// Threads: on_event() comes under the engine lock; the other methods want it held too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "memcgfs/base/text_buffer.h"
#include "memcgfs/engine/effect.h"

namespace memcgfs::exec {

/// "charge", "oom_kill" and so on.
std::string_view trace_kind_name(engine::TraceEvent::Kind kind);

class TraceHash final : public engine::Observer {
public:
    static constexpr std::size_t kKept = 50;

    void on_event(const engine::TraceEvent& event) override;

    std::uint64_t hash() const { return hash_; }
    std::uint64_t count() const { return count_; }
    /// The last kKept events, oldest first.
    std::vector<engine::TraceEvent> recent() const;
    /// The same, one line each: "NUMBER KIND memcg=M a=A b=B".
    void print_recent(TextBuffer& out) const;

private:
    std::uint64_t hash_ = 0xCBF29CE484222325ULL;  // FNV's offset basis
    std::uint64_t count_ = 0;
    std::array<engine::TraceEvent, kKept> ring_{};
};

}  // namespace memcgfs::exec
