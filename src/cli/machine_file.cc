// SPDX-License-Identifier: MIT
#include "cli/machine_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>

#include "cli/size.h"

namespace memcgfs::cli {
namespace {

Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

using Status = Result<void, std::string>;
/// Takes one key's value over; the error lacks the place.
using Setter = std::function<Status(const toml::node&)>;
constexpr std::size_t kSwapDevicesMax = 28;
constexpr std::int64_t kZswapPageMax = 4096;
using Keys = std::map<std::string, Setter, std::less<>>;

Setter size(Pages& out, Result<Pages, std::string> (*parse)(std::string_view)) {
    return [&out, parse](const toml::node& node) -> Status {
        if (const auto text = node.value_exact<std::string>()) {
            out = MEMCGFS_TRY(parse(*text));
        } else if (const auto number = node.value_exact<std::int64_t>()) {
            out = MEMCGFS_TRY(parse(std::to_string(*number)));
        } else {
            return failure("must be a size, such as \"1G\" or \"512M\"");
        }
        return {};
    };
}

/// A whole number in [low, high].
template <class Number>
Setter number(Number& out, std::int64_t low, std::int64_t high) {
    return [&out, low, high](const toml::node& node) -> Status {
        const auto value = node.value_exact<std::int64_t>();
        if (!value || *value < low || *value > high) {
            return failure(fmt::format("must be a whole number from {} to {}", low, high));
        }
        out = static_cast<Number>(*value);
        return {};
    };
}

Setter nanos(Nanos& out) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    return [&out](const toml::node& node) -> Status {
        std::int64_t count = 0;
        MEMCGFS_TRY(number(count, 0, kSecond)(node));
        out = Nanos{count};
        return {};
    };
}

/// Every key of `table` goes to its setter; unknown keys are errors.
Status take(const toml::table& table, const Keys& keys, const std::string& where) {
    for (const auto& [key, node] : table) {
        const auto line = node.source().begin.line;
        const auto setter = keys.find(key.str());
        if (setter == keys.end()) {
            std::string known;
            for (const auto& [name, unused] : keys) {
                known += (known.empty() ? "" : ", ") + name;
            }
            return failure(fmt::format("{}:{}: unknown key '{}'; known are {}", where, line,
                                       key.str(), known));
        }
        const Status status = setter->second(node);
        if (!status.ok()) {
            // An error of a table below has its place already.
            return failure(
                !node.is_value() && status.error().starts_with(where)
                    ? status.error()
                    : fmt::format("{}:{}: {} {}", where, line, key.str(), status.error()));
        }
    }
    return {};
}

Result<Pages, std::string> pages_from(std::string_view text, Bytes least) {
    const std::optional<Bytes> bytes = parse_size(text);
    if (!bytes) {
        return failure(fmt::format("must be a size, such as 1G or 512M, not '{}'", text));
    }
    if (*bytes < least) {
        return failure(fmt::format("must be at least {}M", least.count() >> 20U));
    }
    if (*bytes > kMemoryMax) {
        return failure(fmt::format("must be at most {}T", kMemoryMax.count() >> 40U));
    }
    return pages_floor(*bytes);
}

Result<Pages, std::string> zone_from(std::string_view text) { return pages_from(text, Bytes{}); }

Setter flag(bool& out) {
    return [&out](const toml::node& node) -> Status {
        const auto value = node.value_exact<bool>();
        if (!value) {
            return failure("must be true or false");
        }
        out = *value;
        return {};
    };
}

/// /sys/kernel/mm/transparent_hugepage/enabled.
Setter thp_mode(std::optional<engine::ThpMode>& out) {
    return [&out](const toml::node& node) -> Status {
        using engine::ThpMode;
        constexpr std::pair<std::string_view, ThpMode> kModes[] = {
            {"always", ThpMode::kAlways},
            {"madvise", ThpMode::kMadvise},
            {"never", ThpMode::kNever},
        };
        const std::string text = node.value_exact<std::string>().value_or("");
        for (const auto& [name, mode] : kModes) {
            if (text == name) {
                out = mode;
                return {};
            }
        }
        return failure("must be \"always\", \"madvise\" or \"never\"");
    };
}

Pages memory_of(const engine::MachineNode& node) {
    Pages sum{};
    for (const Pages zone : node.managed) {
        sum += zone;
    }
    return sum;
}

/// One [[node]]: the sizes of its zones.
Result<engine::MachineNode, std::string> node_from(const toml::node& node,
                                                   const std::string& where) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) {
        return failure("must be tables: [[node]]");
    }
    engine::MachineNode shape;
    const Keys keys{
        {"dma", size(shape.managed[0], zone_from)},
        {"dma32", size(shape.managed[1], zone_from)},
        {"movable", size(shape.managed[3], zone_from)},
        {"normal", size(shape.managed[2], zone_from)},
    };
    MEMCGFS_TRY(take(*table, keys, where));
    if (memory_of(shape) == Pages{}) {
        return failure(fmt::format("{}:{}: a node must have memory: dma, dma32, normal or movable",
                                   where, table->source().begin.line));
    }
    return shape;
}

Status take_nodes(const toml::node& list, const std::string& where, engine::Machine& machine) {
    const toml::array* const array = list.as_array();
    if (array == nullptr || array->empty() || array->size() > kNodesMax) {
        return failure(fmt::format("must be tables: [[node]], at most {}", kNodesMax));
    }
    machine.memory = Pages{};
    for (const toml::node& node : *array) {
        machine.nodes.push_back(MEMCGFS_TRY(node_from(node, where)));
        machine.memory += memory_of(machine.nodes.back());
    }
    if (to_bytes(machine.memory) < kMemoryMin || to_bytes(machine.memory) > kMemoryMax) {
        return failure(fmt::format("must have from {}M to {}T of memory together",
                                   kMemoryMin.count() >> 20U, kMemoryMax.count() >> 40U));
    }
    return {};
}

}  // namespace

Result<Pages, std::string> memory_from(std::string_view text) {
    return pages_from(text, kMemoryMin);
}

Result<Pages, std::string> swap_from(std::string_view text) {
    const Pages pages = MEMCGFS_TRY(pages_from(text, Bytes{}));
    if (pages == Pages{} && parse_size(text) != Bytes{}) {
        return failure("must be 0 or at least a page, 4K");
    }
    return pages;
}

namespace {

/// A size, or [[swap]]: device by device.
Status take_swap(const toml::node& node, const std::string& where, engine::Machine& machine) {
    if (!node.is_array_of_tables()) {
        return size(machine.swap, swap_from)(node);
    }
    for (const toml::node& table : *node.as_array()) {
        engine::SwapDevice device;
        const Keys keys{
            {"size", size(device.pages, swap_from)},
            {"priority", number(device.priority, -1024, 32767)},
            {"synchronous", flag(device.synchronous)},
            {"read_ns", nanos(device.read)},
            {"rotational", flag(device.rotational)},
            {"write_ns", nanos(device.write)},
        };
        MEMCGFS_TRY(take(*table.as_table(), keys, where));
        if (device.pages == Pages{0} || machine.swap_devices.size() >= kSwapDevicesMax) {
            return failure(
                fmt::format("must be at most {} tables, each with a size", kSwapDevicesMax));
        }
        machine.swap_devices.push_back(device);
        machine.swap += device.pages;
    }
    return {};
}

Status take_zswap(const toml::node& node, const std::string& where, engine::Zswap& zswap) {
    const toml::table* const table = node.as_table();
    const Keys keys{
        {"accept_threshold_percent", number(zswap.accept_threshold_percent, 0, 100)},
        {"enabled", flag(zswap.enabled)},
        {"load_ns", nanos(zswap.load)},
        {"max_pool_percent", number(zswap.max_pool_percent, 0, 100)},
        {"page_bytes", number(zswap.page_bytes, 0, kZswapPageMax)},
        {"store_ns", nanos(zswap.store)},
    };
    return table != nullptr ? take(*table, keys, where)
                            : Status(failure("must be a table: [zswap]"));
}

}  // namespace

Result<engine::Machine, std::string> parse_machine(std::string_view text, const std::string& name) {
    engine::Machine machine;
    engine::Machine::Costs& costs = machine.costs;
    const Keys cost_keys{
        {"fault_ns", nanos(costs.fault)},
        {"file_read_ns", nanos(costs.file_read)},
        {"file_write_ns", nanos(costs.file_write)},
        {"reclaim_scan_ns", nanos(costs.reclaim_scan)},
        {"writeback_ns", nanos(costs.writeback)},
        {"swap_in_ns", nanos(costs.swap_in)},
        {"swap_out_ns", nanos(costs.swap_out)},
        {"swap_submit_ns", nanos(costs.swap_submit)},
        {"reclaim_unmap_ns", nanos(costs.reclaim_unmap)},
    };
    const Keys keys{
        {"costs",
         [&](const toml::node& node) -> Status {
             const toml::table* const table = node.as_table();
             return table != nullptr ? take(*table, cost_keys, name)
                                     : Status(failure("must be a table: [costs]"));
         }},
        {"cpus", number(machine.cpus, 1, kCpusMax)},
        {"hz", number(machine.hz, 1, 1000)},
        {"memory", size(machine.memory, memory_from)},
        {"node", [&](const toml::node& node) { return take_nodes(node, name, machine); }},
        {"oom_dump_tasks", number(machine.vm_oom_dump_tasks, 0, 1)},
        {"oom_kill_allocating_task", number(machine.vm_oom_kill_allocating_task, 0, 1)},
        {"page_cluster", number(machine.vm_page_cluster, 0, 5)},
        {"panic_on_oom", number(machine.vm_panic_on_oom, 0, 2)},
        {"swap", [&](const toml::node& node) { return take_swap(node, name, machine); }},
        {"swappiness", number(machine.vm_swappiness, 0, 200)},
        {"thp", thp_mode(machine.thp)},
        {"zswap", [&](const toml::node& node) { return take_zswap(node, name, machine.zswap); }},
    };
    try {
        const toml::table table = toml::parse(text, name);
        MEMCGFS_TRY(take(table, keys, name));
        if (const toml::node* const memory = table.get("memory");
            memory != nullptr && !machine.nodes.empty()) {
            return failure(fmt::format("{}:{}: memory does not go with [[node]], which has its own",
                                       name, memory->source().begin.line));
        }
    } catch (const toml::parse_error& error) {
        return failure(
            fmt::format("{}:{}: {}", name, error.source().begin.line, error.description()));
    }
    return machine;
}

Result<engine::Machine, std::string> load_machine_file(const std::string& path) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file.good() && !file.eof()) {
        return failure(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    }
    return parse_machine(text, path);
}

}  // namespace memcgfs::cli
