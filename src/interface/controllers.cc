// SPDX-License-Identifier: MIT
#include "memcgfs/interface/controllers.h"

#include <array>

#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::Controller;

struct Name {
    Controller controller{};
    std::string_view name;
    engine::KernelVersion since;
};

constexpr std::array kNames = {
    Name{Controller::kCpuset, "cpuset", {5, 0}},   Name{Controller::kCpu, "cpu", {4, 15}},
    Name{Controller::kIo, "io", {4, 5}},           Name{Controller::kMemory, "memory", {4, 5}},
    Name{Controller::kHugetlb, "hugetlb", {5, 6}}, Name{Controller::kPids, "pids", {4, 5}},
    Name{Controller::kRdma, "rdma", {4, 11}},      Name{Controller::kMisc, "misc", {5, 13}},
};

void apply(SubtreeControlChange& change, char sign, engine::ControllerMask mask) {
    if (sign == '+') {
        change.enable |= mask;
        change.disable &= ~mask;
    } else {
        change.disable |= mask;
        change.enable &= ~mask;
    }
}

Result<void> apply_token(SubtreeControlChange& change, std::string_view token,
                         const engine::Profile& profile) {
    const char sign = token.front();
    const std::string_view name = token.substr(1);
    if (sign != '+' && sign != '-') {
        return Err(Errno::kEINVAL);
    }
    if (name == kImplicitController) {
        change.enable_implicit = sign == '+';
        return {};
    }
    for (const Name& known : kNames) {
        if (known.name == name && known.since <= profile.version) {
            apply(change, sign, mask_of(known.controller));
            return {};
        }
    }
    return Err(Errno::kEINVAL);
}

}  // namespace

std::string_view controller_name(Controller controller, const engine::Profile& profile) {
    for (const Name& known : kNames) {
        if (known.controller == controller && known.since <= profile.version) {
            return known.name;
        }
    }
    return {};
}

std::string controller_line(engine::ControllerMask mask, const engine::Profile& profile) {
    std::string line;
    for (const Name& known : kNames) {
        if ((mask & mask_of(known.controller)) != 0 && known.since <= profile.version) {
            line += line.empty() ? "" : " ";
            line += known.name;
        }
    }
    if (!line.empty()) {
        line += '\n';
    }
    return line;
}

Result<SubtreeControlChange> parse_subtree_control(std::string_view text,
                                                   const engine::Profile& profile) {
    text = strip(text);
    SubtreeControlChange change;
    while (!text.empty()) {
        const std::size_t space = text.find(' ');
        const std::string_view token = text.substr(0, space);
        if (!token.empty()) {
            MEMCGFS_TRY(apply_token(change, token, profile));
        }
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    return change;
}

}  // namespace memcgfs::interface
