// SPDX-License-Identifier: MIT
//
// Open files: snapshot reads and whole-command writes.
#include "memcgfs/vfs/open_file.h"

#include <fcntl.h>

#include <algorithm>

#include "memcgfs/base/assert.h"
#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

/// A list's read stops before the line that would fill a page (fs/seq_file.c's buffer, 6.1).
constexpr std::size_t kListReadBytes = 4095;

/// The length of whole lines that fit in kListReadBytes; a first line that is longer comes whole.
std::size_t whole_lines(std::string_view text) {
    if (text.size() <= kListReadBytes) {
        return text.size();
    }
    const std::size_t end = text.rfind('\n', kListReadBytes - 1);
    if (end != std::string_view::npos) {
        return end + 1;
    }
    const std::size_t first_end = text.find('\n');
    return first_end == std::string_view::npos ? text.size() : first_end + 1;
}

FileContext context_of(OpenFile::State& file, const Credentials& caller)
    MEMCGFS_REQUIRES(file.mutex) {
    FileContext context;
    context.open = file.id;
    context.dir = file.dir;
    context.file = file.info ? file.info->index : FileIndex{};
    context.opener = file.opener;
    context.caller = caller;
    context.state = &file.provider_state;
    return context;
}

/// The next slice of the snapshot; the snapshot goes once it has been served to its end.
std::string serve(OpenFile::State& file, std::uint64_t offset, std::size_t size)
    MEMCGFS_REQUIRES(file.mutex) {
    const std::string_view snapshot = file.snapshot;
    const std::uint64_t skip =
        std::min<std::uint64_t>(offset - file.snapshot_start, snapshot.size());
    std::string_view slice = snapshot.substr(static_cast<std::size_t>(skip));
    if (file.info->line_list) {
        slice = slice.substr(0, whole_lines(slice));
    }
    std::string served(slice.substr(0, size));
    file.served_end = offset + served.size();
    if (file.served_end >= file.snapshot_start + snapshot.size()) {
        file.snapshot = {};
        file.snapshot_start = file.served_end;
    }
    return served;
}

}  // namespace

OpenFile::OpenFile(std::unique_ptr<State> state) : state_(std::move(state)) {}

OpenFile::~OpenFile() {
    state_->tree->close(*state_);  // before the provider's part goes, with no lock held
}

Result<std::unique_ptr<OpenFile>> Tree::open(NodeId node, int flags, const Credentials& opener) {
    if ((flags & O_DIRECT) != 0) {
        return Err(Errno::kEINVAL);
    }
    auto file = std::make_unique<OpenFile::State>();
    const auto noted = state_->provider.note_opener(opener);
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    if (found->batch != nullptr) {
        if (state_->is_dead(*found)) {
            return Err(Errno::kENODEV);
        }
        file->info = found->info();
    } else if ((flags & O_ACCMODE) != O_RDONLY) {
        return Err(Errno::kEISDIR);
    }
    file->tree = state_.get();
    file->node = *found;
    file->dir = found->directory->key;
    file->opener = opener;
    file->opener.noted = noted;
    file->appends = (flags & O_APPEND) != 0;
    file->id = OpenId{state_->next_open++};
    found->uses()++;
    if (found->batch != nullptr) {
        found->batch->opens[found->position]++;
    }
    if (file->info && file->info->notify == Notify::kTriggered) {
        state_->triggered.emplace(file->id, file.get());
    }
    if (file->info && file->info->notify == Notify::kModified) {
        state_->watched.emplace(std::pair{file->dir, file->info->index}, file.get());
    }
    return std::make_unique<OpenFile>(std::move(file));
}

void Tree::State::close(OpenFile::State& file) {
    MutexLock lock(mutex);
    triggered.erase(file.id);
    if (file.info) {
        const auto [begin, end] = watched.equal_range({file.dir, file.info->index});
        const auto entry =
            std::find_if(begin, end, [&](const auto& watch) { return watch.second == &file; });
        if (entry != end) {
            watched.erase(entry);
        }
    }
    MEMCGFS_ASSERT(file.node.uses() > 0);
    file.node.uses()--;
    if (file.node.batch != nullptr) {
        const auto opens = file.node.batch->opens.find(file.node.position);
        if (--opens->second == 0) {
            file.node.batch->opens.erase(opens);
        }
    }
    collect(*file.node.directory);
}

Result<void> Tree::State::make_snapshot(OpenFile::State& file, const Credentials& caller) {
    file.snapshot = {};
    file.snapshot_start = 0;
    file.served_end = 0;
    {
        MutexLock lock(mutex);
        if (is_dead(file.node)) {
            return Err(Errno::kENODEV);
        }
        if (!file.info->readable) {
            return Err(Errno::kEINVAL);
        }
        // Before the content is made, so that a change in between is still to be seen. A list
        // counts as seen only if it had a line; lists announce nothing that could be lost.
        if (!file.info->line_list) {
            file.change_unseen = false;
        }
    }
    TextBuffer content;
    MEMCGFS_TRY(provider.show(context_of(file, caller), content));
    file.snapshot = std::move(content).take();
    if (file.info->line_list && !file.snapshot.empty()) {
        MutexLock lock(mutex);
        file.change_unseen = false;
    }
    return {};
}

Result<std::string> Tree::read(OpenFile& open_file, std::uint64_t offset, std::size_t size,
                               const Credentials& caller) {
    OpenFile::State& file = *open_file.state_;
    if (!file.info) {
        return Err(Errno::kEISDIR);
    }
    if (size == 0) {
        return std::string();
    }
    MutexLock lock(file.mutex);
    if (file.info->at_start_only && offset != 0) {
        return std::string();
    }
    if (offset == 0 || offset != file.served_end) {
        MEMCGFS_TRY(state_->make_snapshot(file, caller));
    } else if (file.snapshot.empty()) {
        MutexLock tree_lock(state_->mutex);
        if (state_->is_dead(file.node)) {
            return Err(Errno::kENODEV);
        }
        return std::string();
    }
    return serve(file, offset, size);
}

bool Tree::has_records(const OpenFile& open_file) const {
    return open_file.state_->info && open_file.state_->info->records;
}

Result<StoreOutcome> Tree::read_record(OpenFile& open_file, const RecordRead& read,
                                       const Credentials& caller) {
    OpenFile::State& file = *open_file.state_;
    MutexLock lock(file.mutex);
    return state_->provider.read_record(context_of(file, caller), read);
}

void Tree::seek_record(OpenFile& open_file, RecordPlace place, const Credentials& caller) {
    OpenFile::State& file = *open_file.state_;
    MutexLock lock(file.mutex);
    state_->provider.seek_record(context_of(file, caller), place);
}

short Tree::poll_records(OpenFile& open_file, std::function<void()> changed) {
    OpenFile::State& file = *open_file.state_;
    {
        MutexLock tree_lock(state_->mutex);
        if (changed) {
            file.changed.swap(changed);
        }
    }
    MutexLock lock(file.mutex);
    return state_->provider.poll_records(context_of(file, file.opener));
}

Result<StoreOutcome> Tree::write(OpenFile& open_file, std::string_view text,
                                 const Credentials& caller, std::uint64_t offset) {
    OpenFile::State& file = *open_file.state_;
    if (!file.info) {
        return Err(Errno::kEISDIR);
    }
    if (text.size() > file.info->write_max_bytes) {
        return Err(Errno::kE2BIG);
    }
    MutexLock lock(file.mutex);
    {
        MutexLock tree_lock(state_->mutex);
        if (state_->is_dead(file.node)) {
            return Err(Errno::kENODEV);
        }
    }
    if (text.empty()) {
        return StoreOutcome{};
    }
    if (!file.info->writable) {
        return Err(Errno::kEINVAL);
    }
    if (file.info->at_start_only && offset != 0 && !file.appends) {
        return StoreOutcome{};
    }
    Result<StoreOutcome> outcome = state_->provider.store(context_of(file, caller), text);
    if (outcome.ok() && file.info->notify == Notify::kTriggered) {
        MutexLock tree_lock(state_->mutex);
        file.armed = true;
    }
    return outcome;
}

Result<StoreOutcome> Tree::control(OpenFile& open_file, std::span<std::byte> message,
                                   const Credentials& caller) {
    OpenFile::State& file = *open_file.state_;
    if (file.info) {
        return Err(Errno::kENOTTY);
    }
    MutexLock lock(file.mutex);
    return state_->provider.control(context_of(file, caller), message);
}

}  // namespace memcgfs::vfs
