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
                node.is_table() && status.error().starts_with(where)
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
    return pages_floor(*bytes);
}

}  // namespace

Result<Pages, std::string> memory_from(std::string_view text) {
    return pages_from(text, kMemoryMin);
}

Result<Pages, std::string> swap_from(std::string_view text) { return pages_from(text, Bytes{}); }

Result<engine::Machine, std::string> parse_machine(std::string_view text, const std::string& name) {
    engine::Machine machine;
    engine::Machine::Costs& costs = machine.costs;
    const Keys cost_keys{
        {"fault_ns", nanos(costs.fault)},           {"file_read_ns", nanos(costs.file_read)},
        {"file_write_ns", nanos(costs.file_write)}, {"reclaim_scan_ns", nanos(costs.reclaim_scan)},
        {"swap_in_ns", nanos(costs.swap_in)},       {"swap_out_ns", nanos(costs.swap_out)},
    };
    const Keys keys{
        {"costs",
         [&](const toml::node& node) -> Status {
             const toml::table* const table = node.as_table();
             return table != nullptr ? take(*table, cost_keys, name)
                                     : Status(failure("must be a table: [costs]"));
         }},
        {"cpus", number(machine.cpus, 1, kCpusMax)},
        {"memory", size(machine.memory, memory_from)},
        {"swap", size(machine.swap, swap_from)},
        {"swappiness", number(machine.vm_swappiness, 0, 200)},
    };
    try {
        MEMCGFS_TRY(take(toml::parse(text, name), keys, name));
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
