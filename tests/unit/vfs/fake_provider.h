// SPDX-License-Identifier: MIT
//
// A provider without cgroups: directories with a few files that show what was stored.
//
// Threads: may be called from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::vfs::testing {

/// Indexes into FakeProvider's table, in creation order.
enum : std::uint16_t { kValue, kReadOnly, kWriteOnly, kList, kBlocking, kEvents, kOptional };

class FakeProvider : public Provider {
public:
    static constexpr DirKey kRoot{1};
    static constexpr DirKey kOtherRoot{2};

    struct Group {
        DirKey parent{};
        std::string name;
        std::string value = "0\n";
        bool optional = false;
        std::uint64_t version = 1;
        std::uint64_t optional_made_at = 0;
        bool busy = false;
    };

    /// `told`: fake.read_only is a told file.
    explicit FakeProvider(bool told = false) : told_(told) {
        groups_[kRoot] = {};
        groups_[kOtherRoot] = {};
    }

    std::span<const FileInfo> files(DirKey dir) override {
        MutexLock lock(mutex_);
        const std::size_t count = group(dir).optional ? kTable.size() : kTable.size() - 1;
        return std::span<const FileInfo>(told_ ? kToldTable : kTable).subspan(0, count);
    }
    std::uint64_t files_version(DirKey dir) override {
        MutexLock lock(mutex_);
        return group(dir).version;
    }
    std::uint64_t made_at_version(DirKey dir, FileIndex file) override {
        MutexLock lock(mutex_);
        return file == FileIndex{kOptional} ? group(dir).optional_made_at : 0;
    }
    std::optional<std::uint32_t> note_opener(const Credentials& /*opener*/) override {
        return noted;
    }
    std::optional<std::uint32_t> noted;
    bool alive(DirKey dir, FileIndex file) override {
        MutexLock lock(mutex_);
        const auto found = groups_.find(dir);
        return found != groups_.end() && (file != FileIndex{kOptional} || found->second.optional);
    }

    Result<void> show(const FileContext& context, TextBuffer& out) override {
        MutexLock lock(mutex_);
        shows_++;
        if (!groups_.contains(context.dir)) {
            return Err(Errno::kENODEV);
        }
        last_context_ = context;
        out.append(context.file == FileIndex{kList} ? list_ : group(context.dir).value);
        return {};
    }
    Result<StoreOutcome> store(const FileContext& context, std::string_view text) override {
        MutexLock lock(mutex_);
        if (!groups_.contains(context.dir)) {
            return Err(Errno::kENODEV);
        }
        last_context_ = context;
        stored_.emplace_back(text);
        if (text == "invalid") {
            return Err(Errno::kEINVAL);
        }
        group(context.dir).value = text;
        if (context.file == FileIndex{kBlocking} && make_operation_) {
            return StoreOutcome{make_operation_(text)};
        }
        return StoreOutcome{};
    }

    Result<DirKey> mkdir(DirKey parent, std::string_view name, const Credentials&) override {
        MutexLock lock(mutex_);
        if (name == "forbidden") {
            return Err(Errno::kEAGAIN);
        }
        const DirKey key{next_key_++};
        groups_[key] = {parent, std::string(name)};
        return key;
    }
    Result<void> rmdir(DirKey dir) override {
        MutexLock lock(mutex_);
        const bool has_children =
            std::any_of(groups_.begin(), groups_.end(),
                        [dir](const auto& entry) { return entry.second.parent == dir; });
        if (has_children || group(dir).busy) {
            return Err(Errno::kEBUSY);
        }
        groups_.erase(dir);
        return {};
    }
    Result<void> rename(DirKey dir, std::string_view new_name) override {
        MutexLock lock(mutex_);
        if (!renames_) {
            return Err(Errno::kEPERM);
        }
        group(dir).name = new_name;
        return {};
    }
    bool renames(DirKey) override {
        MutexLock lock(mutex_);
        return renames_;
    }
    Result<StoreOutcome> control(const FileContext& context,
                                 std::span<std::byte> message) override {
        MutexLock lock(mutex_);
        last_context_ = context;
        std::reverse(message.begin(), message.end());
        if (make_operation_) {
            return StoreOutcome{make_operation_("control")};
        }
        return StoreOutcome{};
    }

    // The test's side.
    void set_renames(bool renames) {
        MutexLock lock(mutex_);
        renames_ = renames;
    }
    void set_list(std::string list) {
        MutexLock lock(mutex_);
        list_ = std::move(list);
    }
    void set_value(DirKey dir, std::string value) {
        MutexLock lock(mutex_);
        group(dir).value = std::move(value);
    }
    void set_busy(DirKey dir, bool busy) {
        MutexLock lock(mutex_);
        group(dir).busy = busy;
    }
    void set_optional(DirKey dir, bool there) {
        MutexLock lock(mutex_);
        Group& changed = group(dir);
        changed.version++;
        changed.optional = there;
        if (there) {
            changed.optional_made_at = changed.version;
        }
    }
    using MakeOperation = std::function<std::unique_ptr<Operation>(std::string_view text)>;
    void set_make_operation(MakeOperation make) {
        MutexLock lock(mutex_);
        make_operation_ = std::move(make);
    }
    int shows() const {
        MutexLock lock(mutex_);
        return shows_;
    }
    std::vector<std::string> stored() const {
        MutexLock lock(mutex_);
        return stored_;
    }
    FileContext last_context() const {
        MutexLock lock(mutex_);
        return last_context_;
    }
    DirKey last_key() const {
        MutexLock lock(mutex_);
        return DirKey{next_key_ - 1};
    }

private:
    static constexpr std::array<FileInfo, 7> kTable = {{
        {.index = FileIndex{kValue},
         .name = "fake.value",
         .mode = 0644,
         .readable = true,
         .writable = true,
         .permanent = true},
        {.index = FileIndex{kReadOnly},
         .name = "fake.read_only",
         .mode = 0444,
         .readable = true,
         .permanent = true},
        {.index = FileIndex{kWriteOnly},
         .name = "fake.write_only",
         .mode = 0200,
         .writable = true,
         .write_max_bytes = 4095,
         .permanent = true},
        {.index = FileIndex{kList},
         .name = "tasks",
         .mode = 0644,
         .readable = true,
         .writable = true,
         .line_list = true,
         .permanent = true},
        {.index = FileIndex{kBlocking},
         .name = "fake.blocking",
         .mode = 0644,
         .readable = true,
         .writable = true,
         .permanent = true},
        {.index = FileIndex{kEvents},
         .name = "fake.events",
         .mode = 0444,
         .readable = true,
         .notify = Notify::kModified,
         .permanent = true},
        {.index = FileIndex{kOptional},
         .name = "fake.optional",
         .mode = 0644,
         .readable = true,
         .writable = true,
         .notify = Notify::kTriggered},
    }};
    static constexpr std::array<FileInfo, 7> kToldTable = [] {
        auto table = kTable;
        table[kReadOnly].told = true;
        return table;
    }();

    Group& group(DirKey dir) MEMCGFS_REQUIRES(mutex_) {
        MEMCGFS_ASSERT(groups_.contains(dir));
        return groups_[dir];
    }

    const bool told_;
    mutable Mutex mutex_{LockRank::kEngine};
    std::map<DirKey, Group> groups_ MEMCGFS_GUARDED_BY(mutex_);
    std::uint64_t next_key_ MEMCGFS_GUARDED_BY(mutex_) = 10;
    std::string list_ MEMCGFS_GUARDED_BY(mutex_);
    bool renames_ MEMCGFS_GUARDED_BY(mutex_) = false;
    int shows_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    std::vector<std::string> stored_ MEMCGFS_GUARDED_BY(mutex_);
    FileContext last_context_ MEMCGFS_GUARDED_BY(mutex_);
    MakeOperation make_operation_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::vfs::testing
