// SPDX-License-Identifier: MIT
//
// A call that is answered after its row's function has returned.
#pragma once

#include <linux/seccomp.h>

#include <functional>
#include <memory>

#include "memcgfs/supervisor/machine_calls.h"
#include "supervisor/call.h"

namespace memcgfs::supervisor {

/// A call as it is while it waits for its answer: with a descriptor of its own for the filter.
/// Threads: any, one at a time.
class LateCall {
public:
    /// Nothing: there is no descriptor left.
    static std::shared_ptr<LateCall> of(const Call& call);

    const Call& call() const { return call_; }
    /// One of these, once.
    void answer(const Result<std::int64_t>& result) const;
    /// The kernel does the call after all.
    void go_on() const;

private:
    void send(const seccomp_notif_resp& response) const;

    LateCall(const Call& call, runner::UniqueFd listener)
        : listener_(std::move(listener)), call_(call.with_listener(listener_.get())) {}

    runner::UniqueFd listener_;
    Call call_;
};

/// The function hands the reply on; without one the call fails with ENOMEM.
Answer answer_later(const Call& call, const std::function<void(const Reply&)>& hand_on);

}  // namespace memcgfs::supervisor
