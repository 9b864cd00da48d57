// SPDX-License-Identifier: MIT
//
// CgroupFs with the promise that a request's effects are delivered before it is answered.
//
// show(), store() and control() come without the tree lock, so the outbox is flushed right after
// them: a process that has moved itself carries its new tag when its write returns. mkdir(),
// rmdir() and rename() come with the tree lock held, which a delivery may need: a thread of its
// own delivers what they caused, soon after.
//
// Threads: as vfs::Provider says. The thread holds no lock while it delivers.
#pragma once

#include <functional>
#include <thread>

#include "memcgfs/base/mutex.h"
#include "memcgfs/exec/outbox.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::cli {

class DeliveringProvider final : public vfs::Provider {
public:
    /// Each may be empty, and is called with no lock but the open file's.
    struct Hooks {
        std::function<void(const vfs::FileContext&)> before_show;
        std::function<void()> before_store;
        std::function<void()> after_store;  ///< its effects have been delivered
    };
    /// `inner` and `outbox` outlive this, and so does what the outbox's handlers use, until
    /// stop().
    DeliveringProvider(vfs::Provider& inner, exec::Outbox& outbox, Hooks hooks);
    ~DeliveringProvider() override;
    DeliveringProvider(const DeliveringProvider&) = delete;
    DeliveringProvider& operator=(const DeliveringProvider&) = delete;

    /// Ends the thread. Idempotent.
    void stop();

    std::span<const vfs::FileInfo> files(vfs::DirKey dir) override { return inner_.files(dir); }
    std::uint64_t files_version(vfs::DirKey dir) override { return inner_.files_version(dir); }
    std::uint64_t made_at_version(vfs::DirKey dir, vfs::FileIndex file) override {
        return inner_.made_at_version(dir, file);
    }
    std::optional<std::uint32_t> note_opener(const vfs::Credentials& opener) override {
        return inner_.note_opener(opener);
    }
    bool alive(vfs::DirKey dir, vfs::FileIndex file) override { return inner_.alive(dir, file); }
    bool renames(vfs::DirKey dir) override { return inner_.renames(dir); }
    Result<void> show(const vfs::FileContext& context, TextBuffer& out) override;
    Result<vfs::StoreOutcome> store(const vfs::FileContext& context,
                                    std::string_view text) override;
    Result<vfs::DirKey> mkdir(vfs::DirKey parent, std::string_view name,
                              const vfs::Credentials& creator) override;
    void before_rmdir(vfs::DirKey dir) override { inner_.before_rmdir(dir); }
    Result<void> rmdir(vfs::DirKey dir) override;
    Result<void> rename(vfs::DirKey dir, std::string_view new_name) override;
    Result<vfs::StoreOutcome> control(const vfs::FileContext& context,
                                      std::span<std::byte> message) override;

private:
    void deliver_soon();
    void work();

    vfs::Provider& inner_;
    exec::Outbox& outbox_;
    const Hooks hooks_;
    Mutex mutex_{LockRank::kLeaf};
    CondVar changed_;
    bool wanted_ MEMCGFS_GUARDED_BY(mutex_) = false;
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace memcgfs::cli
