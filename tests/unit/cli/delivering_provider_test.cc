// SPDX-License-Identifier: MIT
#include "cli/delivering_provider.h"

#include <array>
#include <future>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

/// Writes down what is delivered.
class Recorder final : public exec::EffectHandlers {
public:
    void spawn(std::unique_ptr<Operation> /*operation*/) override {}
    void wake(OperationId /*operation*/) override {}
    void kill(const engine::KillEffect& /*effect*/) override {}
    void freeze(const engine::FreezeEffect& /*effect*/) override {}
    void move(const engine::MoveEffect& effect) override {
        delivered.push_back(effect.pid);
        if (effect.pid == kLast) {
            last.set_value();
        }
    }
    void file_modified(const engine::FileModifiedEffect& /*effect*/) override {}
    void content_changed(const engine::ContentChangedEffect&) override {}
    void tick(const engine::EventTickEffect&) override {}
    void psi_trigger(const engine::PsiTriggerEffect&) override {}
    void run_release_agent(const engine::ReleaseAgentEffect&) override {}
    void await_members() override {}
    void kernel_log(const engine::KernelLogEffect& /*effect*/) override {}

    static constexpr std::int32_t kLast = 99;
    std::vector<std::int32_t> delivered;
    std::promise<void> last;
};

/// Each request causes one effect.
class Busy final : public vfs::Provider {
public:
    explicit Busy(exec::Outbox& outbox) : outbox_(outbox) {}
    std::int32_t next = 1;

    std::span<const vfs::FileInfo> files(vfs::DirKey /*dir*/) override { return {}; }
    std::uint64_t files_version(vfs::DirKey /*dir*/) override { return 7; }
    std::uint64_t made_at_version(vfs::DirKey /*dir*/, vfs::FileIndex /*file*/) override {
        return 5;
    }
    bool alive(vfs::DirKey /*dir*/, vfs::FileIndex /*file*/) override { return true; }
    bool renames(vfs::DirKey /*dir*/) override { return true; }
    Result<void> show(const vfs::FileContext& /*context*/, TextBuffer& /*out*/) override {
        cause();
        return {};
    }
    Result<vfs::StoreOutcome> store(const vfs::FileContext& /*context*/,
                                    std::string_view /*text*/) override {
        cause();
        return Err(Errno::kEBUSY);
    }
    Result<vfs::DirKey> mkdir(vfs::DirKey parent, std::string_view /*name*/,
                              const vfs::Credentials& /*creator*/) override {
        cause();
        return parent;
    }
    Result<void> rmdir(vfs::DirKey /*dir*/) override {
        cause();
        return {};
    }
    Result<void> rename(vfs::DirKey /*dir*/, std::string_view /*new_name*/) override {
        cause();
        return {};
    }
    Result<vfs::StoreOutcome> control(const vfs::FileContext& /*context*/,
                                      std::span<std::byte> /*message*/) override {
        cause();
        return vfs::StoreOutcome{};
    }

private:
    void cause() { outbox_.emit(engine::MoveEffect{next++, 0}); }
    exec::Outbox& outbox_;
};

TEST_CASE("effects of a show, a store and a control are delivered before the answer", "[cli]") {
    Recorder recorder;
    exec::Outbox outbox(recorder);
    Busy inner(outbox);
    int settled = 0;
    DeliveringProvider provider(inner, outbox,
                                {.before_show = [&](const vfs::FileContext&) { ++settled; },
                                 .before_store = {},
                                 .after_store = {}});

    TextBuffer text;
    CHECK(provider.show({}, text).ok());
    CHECK(recorder.delivered == std::vector<std::int32_t>{1});
    CHECK(settled == 1);
    CHECK(provider.store({}, "x").error() == Errno::kEBUSY);
    CHECK(recorder.delivered == std::vector<std::int32_t>{1, 2});
    CHECK(provider.control({}, {}).ok());
    CHECK(recorder.delivered == std::vector<std::int32_t>{1, 2, 3});
}

TEST_CASE("effects of what holds the tree lock are delivered soon, by the thread", "[cli]") {
    Recorder recorder;
    exec::Outbox outbox(recorder);
    Busy inner(outbox);
    DeliveringProvider provider(inner, outbox, DeliveringProvider::Hooks{});

    CHECK(provider.mkdir({}, "a", {}).ok());
    CHECK(provider.rename({}, "b").ok());
    inner.next = Recorder::kLast;
    CHECK(provider.rmdir({}).ok());
    recorder.last.get_future().wait();
    provider.stop();
    CHECK(recorder.delivered == std::vector<std::int32_t>{1, 2, Recorder::kLast});
}

TEST_CASE("what is asked of a directory is passed on", "[cli]") {
    Recorder recorder;
    exec::Outbox outbox(recorder);
    Busy inner(outbox);
    DeliveringProvider provider(inner, outbox, DeliveringProvider::Hooks{});
    CHECK(provider.files_version({}) == 7);
    CHECK(provider.made_at_version({}, {}) == 5);
    CHECK(provider.renames({}));
    CHECK(provider.alive({}, {}));
}

}  // namespace
}  // namespace memcgfs::cli
