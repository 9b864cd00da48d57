// SPDX-License-Identifier: MIT
//
// Operations and effect handlers for the executors' tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memcgfs/base/operation.h"
#include "memcgfs/exec/outbox.h"

namespace memcgfs::exec {

inline Step yield_step() { return {Step::Kind::kYield, {}}; }
inline Step sleep_step(Nanos until) { return {Step::Kind::kSleep, until}; }
inline Step wait_step() { return {Step::Kind::kWait, {}}; }
inline Step done_step() { return {Step::Kind::kDone, {}}; }

/// An operation whose step is a function.
class FakeOperation final : public Operation {
public:
    using Body = std::function<Step(FakeOperation&)>;
    FakeOperation(std::uint64_t id, Body body) : id_(id), body_(std::move(body)) {}
    ~FakeOperation() override {
        if (at_end) {
            at_end();
        }
    }

    Step step() override {
        steps++;
        return body_(*this);
    }
    void interrupt() override { interrupted = true; }
    OperationResult result() const override { return outcome; }
    OperationId id() const override { return OperationId{id_}; }
    std::string_view name() const override { return "fake"; }

    int steps = 0;
    bool interrupted = false;
    OperationResult outcome{std::uint64_t{0}};
    std::function<void()> at_end;

private:
    std::uint64_t id_;
    Body body_;
};

inline std::unique_ptr<FakeOperation> fake(std::uint64_t id, FakeOperation::Body body) {
    return std::make_unique<FakeOperation>(id, std::move(body));
}

/// Hands spawn and wake to a runner and writes the rest down.
class FakeHandlers final : public EffectHandlers {
public:
    void spawn(std::unique_ptr<Operation> operation) override {
        runner->submit(std::move(operation), {});
    }
    void wake(OperationId operation) override { runner->wake(operation); }
    void kill(const engine::KillEffect& effect) override {
        note("kill " + std::to_string(effect.pid));
    }
    void freeze(const engine::FreezeEffect& effect) override {
        note("freeze " + std::to_string(effect.pid));
    }
    void move(const engine::MoveEffect& effect) override {
        note("move " + std::to_string(effect.pid));
    }
    void file_modified(const engine::FileModifiedEffect&) override { note("modified"); }
    void content_changed(const engine::ContentChangedEffect&) override { note("content changed"); }
    void tick(const engine::EventTickEffect&) override { note("tick"); }
    void psi_trigger(const engine::PsiTriggerEffect&) override { note("psi"); }
    void run_release_agent(const engine::ReleaseAgentEffect& effect) override {
        note("run " + effect.program + " " + effect.group);
    }
    void await_members() override { note("await"); }
    void kernel_log(const engine::KernelLogEffect& effect) override { note("log " + effect.line); }

    void note(std::string text) {
        log.push_back(text);
        if (at_note) {
            at_note(text);
        }
    }

    OperationRunner* runner = nullptr;
    std::vector<std::string> log;
    std::function<void(const std::string&)> at_note;
};

}  // namespace memcgfs::exec
