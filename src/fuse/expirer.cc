// SPDX-License-Identifier: MIT
#include "fuse/expirer.h"

#include <cerrno>
#include <utility>

namespace memcgfs::fuse {

namespace {

// The same call of the libfuse before and after 3.15: flags have gone.
template <class Flags>
int expire_entry(int (*notify)(fuse_session*, fuse_ino_t, const char*, std::size_t, Flags),
                 fuse_session* session, fuse_ino_t parent, const std::string& name) {
    return notify(session, parent, name.data(), name.size(), static_cast<Flags>(1));
}
[[maybe_unused]] int expire_entry(int (*notify)(fuse_session*, fuse_ino_t, const char*,
                                                std::size_t),
                                  fuse_session* session, fuse_ino_t parent,
                                  const std::string& name) {
    return notify(session, parent, name.data(), name.size());
}

void forget(fuse_session* session, const Expirer::Names& names) {
    for (const std::string& name : names.names) {
        const bool asked = names.way == Expirer::Way::kAsk &&
                           expire_entry(&fuse_lowlevel_notify_expire_entry, session,
                                        names.directory, name) != -ENOSYS;
        if (!asked) {
            // ENOENT: the kernel does not know the name, or not any more.
            fuse_lowlevel_notify_inval_entry(session, names.directory, name.data(), name.size());
        }
    }
}

}  // namespace

Expirer::~Expirer() { stop(); }

void Expirer::bind(fuse_session* session) {
    const MutexLock lock(mutex_);
    session_ = session;
}

void Expirer::start() {
    const MutexLock lock(mutex_);
    if (!stopping_) {
        thread_ = std::thread([this] { work(); });
    }
}

void Expirer::add(Job job) {
    jobs_.push_back(std::move(job));
    changed_.notify_one();
}

void Expirer::expire(fuse_ino_t parent, std::string name) {
    const MutexLock lock(mutex_);
    if (!stopping_) {
        add({{}, {parent, {std::move(name)}}});
    }
}

void Expirer::answer(std::function<void()> reply) {
    {
        const MutexLock lock(mutex_);
        if (busy_ || !jobs_.empty()) {
            add({std::move(reply), {}});
            return;
        }
    }
    reply();
}

void Expirer::answer_and_forget(std::function<void()> reply, Names names) {
    {
        const MutexLock lock(mutex_);
        const bool idle = !busy_ && jobs_.empty();
        if (!stopping_) {
            add({idle ? std::exchange(reply, {}) : nullptr, std::move(names)});
        }
    }
    if (reply) {
        reply();
    }
}

void Expirer::stop() {
    std::thread thread;
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
        thread = std::exchange(thread_, {});
    }
    if (thread.joinable()) {
        thread.join();
    }
}

void Expirer::work() {
    mutex_.lock();
    for (;;) {
        while (jobs_.empty() && !stopping_) {
            changed_.wait(mutex_);
        }
        if (jobs_.empty()) {
            break;
        }
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        busy_ = true;
        fuse_session* const session = stopping_ ? nullptr : session_;
        mutex_.unlock();
        if (job.reply) {
            job.reply();
        }
        if (session != nullptr) {
            forget(session, job.names);
        }
        mutex_.lock();
        busy_ = false;
    }
    mutex_.unlock();
}

}  // namespace memcgfs::fuse
