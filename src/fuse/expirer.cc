// SPDX-License-Identifier: MIT
#include "fuse/expirer.h"

#include <utility>

namespace memcgfs::fuse {

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

void Expirer::expire(fuse_ino_t parent, std::string name) {
    const MutexLock lock(mutex_);
    if (!stopping_) {
        jobs_.push_back({parent, std::move(name), {}});
        changed_.notify_one();
    }
}

void Expirer::answer(std::function<void()> reply) {
    {
        const MutexLock lock(mutex_);
        if (busy_ || !jobs_.empty()) {
            jobs_.push_back({0, {}, std::move(reply)});
            changed_.notify_one();
            return;
        }
    }
    reply();
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
        } else if (session != nullptr) {
            // ENOENT: the kernel does not know the name, or not any more.
            fuse_lowlevel_notify_inval_entry(session, job.parent, job.name.data(), job.name.size());
        }
        mutex_.lock();
        busy_ = false;
    }
    mutex_.unlock();
}

}  // namespace memcgfs::fuse
