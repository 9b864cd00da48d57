// SPDX-License-Identifier: MIT
//
// /sys/devices/system/memory (drivers/base/memory.c, 6.1).
#include <array>
#include <string_view>

#include "interface/proc_services.h"
#include "interface/proc_tables.h"
#include "interface/services.h"

namespace memcgfs::interface {
namespace {

MemoryBlock& block_of(const ProcContext& context) {
    return context.services.memory_blocks[context.number];
}

std::string_view name_of(engine::ZoneType zone) {
    constexpr std::array<std::string_view, engine::kZoneTypeCount> kNames{"DMA", "DMA32", "Normal",
                                                                          "Movable"};
    return kNames[static_cast<std::size_t>(zone)];
}

/// sysfs_streq(): one line end more is no difference.
bool same_word(std::string_view text, std::string_view word) {
    text = text.substr(0, text.find('\0'));
    return text == word || (text.ends_with('\n') && text.substr(0, text.size() - 1) == word);
}

/// Takes a block away and, if that can be done, remembers it.
class OfflineOperation final : public Operation {
public:
    OfflineOperation(MemoryBlock& block, engine::OperationPtr operation)
        : block_(block), operation_(std::move(operation)) {
        block_.going_offline = true;
    }
    Step step() override {
        const Step step = operation_->step();
        if (step.kind == Step::Kind::kDone) {
            block_.going_offline = false;
            block_.online = !operation_->result().ok();
        }
        return step;
    }
    void interrupt() override { operation_->interrupt(); }
    OperationResult result() const override { return operation_->result(); }
    OperationId id() const override { return operation_->id(); }
    std::string_view name() const override { return operation_->name(); }

private:
    MemoryBlock& block_;
    const engine::OperationPtr operation_;
};

/// device_offline(). Engine lock held.
Result<vfs::StoreOutcome> go_offline(const ProcContext& context) {
    MemoryBlock& block = block_of(context);
    if (!block.place) {
        return Err(Errno::kEINVAL);
    }
    if (block.going_offline) {
        return Err(Errno::kEBUSY);
    }
    return vfs::StoreOutcome{
        .operation = std::make_unique<OfflineOperation>(
            block, context.services.engine.offline_memory(block.place->node, block.place->zone))};
}

/// device_online(). Engine lock held.
Result<vfs::StoreOutcome> go_online(const ProcContext& context) {
    MemoryBlock& block = block_of(context);
    MEMCGFS_TRY(context.services.engine.online_memory(block.place->node, block.place->zone));
    block.online = true;
    return vfs::StoreOutcome{};
}

Result<void> show_block_size(const ProcContext&, TextBuffer& out) {
    out.print("{:x}\n", to_bytes(kMemoryBlockPages).count());
    return {};
}

constexpr std::array<std::string_view, 4> kOnlineTypes{"offline", "online", "online_kernel",
                                                       "online_movable"};

Result<void> show_auto_online(const ProcContext& context, TextBuffer& out) {
    constexpr engine::KernelVersion kOnByDefault{6, 12};  // by Debian's configuration
    const MutexLock lock(context.services.engine_mutex);
    const bool on = context.services.engine.profile().version >= kOnByDefault;
    out.print("{}\n", kOnlineTypes[context.services.kept.get(context.file.path, on ? 1 : 0)]);
    return {};
}

Result<vfs::StoreOutcome> store_auto_online(const ProcContext& context, std::string_view text) {
    std::uint64_t value = 0;
    for (const std::string_view word : kOnlineTypes) {
        if (same_word(text, word)) {
            const MutexLock lock(context.services.engine_mutex);
            context.services.kept.set(context.file.path, value);
            return vfs::StoreOutcome{};
        }
        value++;
    }
    return Err(Errno::kEINVAL);
}

Result<void> show_state(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    const MemoryBlock& block = block_of(context);
    out.print("{}\n", !block.online ? "offline" : block.going_offline ? "going-offline" : "online");
    return {};
}

Result<vfs::StoreOutcome> store_state(const ProcContext& context, std::string_view text) {
    const bool online = same_word(text, "online") || same_word(text, "online_kernel") ||
                        same_word(text, "online_movable");
    const MutexLock lock(context.services.engine_mutex);
    // What it is already is an error here, other than in the file "online".
    if ((!online && !same_word(text, "offline")) || online == block_of(context).online) {
        return Err(Errno::kEINVAL);
    }
    return online ? go_online(context) : go_offline(context);
}

Result<void> show_online(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    out.print("{:d}\n", block_of(context).online);
    return {};
}

/// kstrtobool(): the first letter, of "on" and "off" the second.
std::optional<bool> parse_bool(std::string_view text) {
    const std::string_view first = text.substr(0, 1);
    if (first == "y" || first == "Y" || first == "1") {
        return true;
    }
    if (first == "n" || first == "N" || first == "0") {
        return false;
    }
    if (first != "o" && first != "O") {
        return std::nullopt;
    }
    const std::string_view second = text.substr(1, 1);
    if (second == "n" || second == "N") {
        return true;
    }
    return second == "f" || second == "F" ? std::optional(false) : std::nullopt;
}

Result<vfs::StoreOutcome> store_online(const ProcContext& context, std::string_view text) {
    const std::optional<bool> online = parse_bool(text);
    if (!online) {
        return Err(Errno::kEINVAL);
    }
    const MutexLock lock(context.services.engine_mutex);
    if (*online == block_of(context).online) {
        return vfs::StoreOutcome{};
    }
    return *online ? go_online(context) : go_offline(context);
}

Result<void> show_index(const ProcContext& context, TextBuffer& out) {
    out.print("{:08x}\n", context.number);
    return {};
}

Result<void> show_device(const ProcContext&, TextBuffer& out) {
    out.print("0\n");
    return {};
}

Result<void> show_removable(const ProcContext&, TextBuffer& out) {
    out.print("1\n");
    return {};
}

Result<void> show_zones(const ProcContext& context, TextBuffer& out) {
    const MutexLock lock(context.services.engine_mutex);
    const MemoryBlock& block = block_of(context);
    if (!block.place) {
        out.print("none\n");
    } else {
        out.print(
            "{}{}\n", name_of(block.place->zone),
            block.online || block.place->zone == engine::ZoneType::kMovable ? "" : " Movable");
    }
    return {};
}

constexpr auto kFiles = std::to_array<ProcFile>({
    {
        .path = "/sys/devices/system/memory/auto_online_blocks",
        .show = show_auto_online,
        .store = store_auto_online,
        .fidelity = Fidelity::kStoredOnly,
        .doc = "What becomes of memory that is added.",
    },
    {
        .path = "/sys/devices/system/memory/block_size_bytes",
        .show = show_block_size,
        .doc = "The size of a block, hexadecimal.",
    },
    {
        .path = "/sys/devices/system/memory/memory{block}/online",
        .show = show_online,
        .store = store_online,
        .doc = "1: the block is in use; 0 takes it away, 1 gives it back.",
    },
    {
        .path = "/sys/devices/system/memory/memory{block}/phys_device",
        .show = show_device,
        .doc = "0.",
    },
    {
        .path = "/sys/devices/system/memory/memory{block}/phys_index",
        .show = show_index,
        .doc = "The block's number, hexadecimal.",
    },
    {
        .path = "/sys/devices/system/memory/memory{block}/removable",
        .show = show_removable,
        .doc = "1, whatever is in the block.",
    },
    {
        .path = "/sys/devices/system/memory/memory{block}/state",
        .show = show_state,
        .store = store_state,
        .doc = "offline takes the block away, with what is in it moved; online gives it back.",
    },
    {
        .path = "/sys/devices/system/memory/memory{block}/valid_zones",
        .show = show_zones,
        .doc = "The zone that the block is of, or could be.",
    },
});

}  // namespace

std::span<const ProcFile> memory_block_files() { return kFiles; }

}  // namespace memcgfs::interface
