// SPDX-License-Identifier: MIT
#include "cli/delivering_provider.h"

#include <utility>

namespace memcgfs::cli {

DeliveringProvider::DeliveringProvider(vfs::Provider& inner, exec::Outbox& outbox, Hooks hooks)
    : inner_(inner), outbox_(outbox), hooks_(std::move(hooks)), thread_([this] { work(); }) {}

DeliveringProvider::~DeliveringProvider() { stop(); }

void DeliveringProvider::stop() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void DeliveringProvider::deliver_soon() {
    if (outbox_.empty()) {
        return;
    }
    const MutexLock lock(mutex_);
    wanted_ = true;
    changed_.notify_one();
}

void DeliveringProvider::work() {
    mutex_.lock();
    for (;;) {
        while (!wanted_ && !stopping_) {
            changed_.wait(mutex_);
        }
        if (!std::exchange(wanted_, false)) {
            break;
        }
        mutex_.unlock();
        outbox_.flush();
        mutex_.lock();
    }
    mutex_.unlock();
}

Result<void> DeliveringProvider::show(const vfs::FileContext& context, TextBuffer& out) {
    if (hooks_.before_show) {
        hooks_.before_show(context);
    }
    Result<void> result = inner_.show(context, out);
    outbox_.flush();
    return result;
}

Result<vfs::StoreOutcome> DeliveringProvider::store(const vfs::FileContext& context,
                                                    std::string_view text) {
    if (hooks_.before_store) {
        hooks_.before_store();
    }
    Result<vfs::StoreOutcome> result = inner_.store(context, text);
    outbox_.flush();
    if (hooks_.after_store) {
        hooks_.after_store();
    }
    return result;
}

Result<vfs::DirKey> DeliveringProvider::mkdir(vfs::DirKey parent, std::string_view name,
                                              const vfs::Credentials& creator) {
    Result<vfs::DirKey> result = inner_.mkdir(parent, name, creator);
    deliver_soon();
    return result;
}

Result<void> DeliveringProvider::rmdir(vfs::DirKey dir) {
    Result<void> result = inner_.rmdir(dir);
    deliver_soon();
    return result;
}

Result<void> DeliveringProvider::rename(vfs::DirKey dir, std::string_view new_name) {
    Result<void> result = inner_.rename(dir, new_name);
    deliver_soon();
    return result;
}

Result<vfs::StoreOutcome> DeliveringProvider::control(const vfs::FileContext& context,
                                                      std::span<std::byte> message) {
    Result<vfs::StoreOutcome> result = inner_.control(context, message);
    outbox_.flush();
    return result;
}

}  // namespace memcgfs::cli
