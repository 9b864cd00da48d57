// SPDX-License-Identifier: MIT
#include "supervisor/passing_opens.h"

#ifdef __x86_64__

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <utility>

namespace memcgfs::supervisor {
namespace {

constexpr std::uint32_t kInPage = 0xFFF;
/// Shared objects are mapped from the top of the address space down, programs elsewhere.
constexpr std::uint32_t kSharedObjectsHigh = 0x7F00;

/// Where, within their pages, the system call instructions of the code return that are openat(2):
/// "mov $257, %eax" shortly before "syscall".
std::set<std::uint32_t> opens_in(std::span<const std::uint8_t> code) {
    constexpr std::array<std::uint8_t, 5> kNumber{0xB8, SYS_openat & 0xFF, SYS_openat >> 8, 0, 0};
    constexpr std::array<std::uint8_t, 2> kCall{0x0F, 0x05};
    constexpr std::size_t kNear = 32;
    std::set<std::uint32_t> places;
    for (auto at = code.begin();; ++at) {
        at = std::search(at, code.end(), kNumber.begin(), kNumber.end());
        if (at == code.end()) {
            return places;
        }
        const auto end =
            code.end() - at > static_cast<std::ptrdiff_t>(kNear) ? at + kNear : code.end();
        const auto call = std::search(at + kNumber.size(), end, kCall.begin(), kCall.end());
        if (call != end) {
            const auto next = reinterpret_cast<std::uintptr_t>(&*call) + kCall.size();
            places.insert(static_cast<std::uint32_t>(next) & kInPage);
        }
    }
}

struct Objects {
    std::uintptr_t loader = 0;  ///< where it is mapped
    std::set<std::uint32_t> of_loader;
    std::set<std::uint32_t> of_others;
};

int look_at_object(dl_phdr_info* info, std::size_t, void* data) {
    auto& objects = *static_cast<Objects*>(data);
    for (const ElfW(Phdr) & part : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
        if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) {
            continue;
        }
        const auto* const code =
            reinterpret_cast<const std::uint8_t*>(info->dlpi_addr + part.p_vaddr);
        (info->dlpi_addr == objects.loader ? objects.of_loader : objects.of_others)
            .merge(opens_in({code, part.p_memsz}));
    }
    return 0;
}

/// Those of the dynamic loader; none that the C library, for one, has at the same place.
std::set<std::uint32_t> opens_of_loader() {
    Objects objects;
    objects.loader = getauxval(AT_BASE);
    if (objects.loader == 0) {
        return {};
    }
    dl_iterate_phdr(look_at_object, &objects);
    std::erase_if(objects.of_loader,
                  [&](std::uint32_t place) { return objects.of_others.contains(place); });
    return objects.of_loader;
}

constexpr std::uint32_t low_half(std::size_t field) { return static_cast<std::uint32_t>(field); }
constexpr std::uint32_t high_half(std::size_t field) {
    return static_cast<std::uint32_t>(field + sizeof(std::uint32_t));
}
constexpr std::size_t argument(unsigned index) {
    return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t);
}

/// Puts conditions after one another; whoever does not meet one leaves for the next filter.
class Program {
public:
    void load(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
    void keep(std::uint32_t mask) { add(BPF_ALU | BPF_AND | BPF_K, mask); }
    void leave_unless_equal(std::uint32_t value) { leave(BPF_JEQ, value); }
    void leave_unless_at_least(std::uint32_t value) { leave(BPF_JGE, value); }
    /// Lets the call pass if the value is one of these.
    void pass_if(const std::set<std::uint32_t>& values) {
        auto ahead = static_cast<std::uint8_t>(values.size());
        for (const std::uint32_t value : values) {
            steps_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, --ahead, 0));
        }
        // The last one that is not equal goes over the answer.
        steps_.back().jf = 1;
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    /// To leave is from now on to come here.
    void land() {
        for (const std::size_t step : leaving_) {
            steps_[step].jf = static_cast<std::uint8_t>(steps_.size() - step - 1);
        }
        leaving_.clear();
    }
    std::vector<sock_filter> take() { return std::move(steps_); }

private:
    void add(std::uint16_t code, std::uint32_t value) { steps_.push_back({code, 0, 0, value}); }
    void leave(std::uint16_t condition, std::uint32_t value) {
        leaving_.push_back(steps_.size());
        add(BPF_JMP | condition | BPF_K, value);
    }

    std::vector<sock_filter> steps_;
    std::vector<std::size_t> leaving_;
};

void pass_open_if(Program& program, std::uint32_t flags) {
    program.load(offsetof(seccomp_data, arch));
    program.leave_unless_equal(AUDIT_ARCH_X86_64);
    program.load(offsetof(seccomp_data, nr));
    program.leave_unless_equal(SYS_openat);
    program.load(low_half(argument(0)));
    program.leave_unless_equal(static_cast<std::uint32_t>(AT_FDCWD));
    program.load(low_half(argument(2)));
    program.leave_unless_equal(flags);
}

}  // namespace

std::vector<sock_filter> passing_opens() {
    Program program;
    pass_open_if(program, O_RDONLY | O_NOCTTY);
    program.load(high_half(argument(1)));
    program.pass_if({0});
    program.land();
    if (const std::set<std::uint32_t> places = opens_of_loader(); !places.empty()) {
        pass_open_if(program, O_RDONLY | O_CLOEXEC);
        program.load(high_half(offsetof(seccomp_data, instruction_pointer)));
        program.leave_unless_at_least(kSharedObjectsHigh);
        program.load(low_half(offsetof(seccomp_data, instruction_pointer)));
        program.keep(kInPage);
        program.pass_if(places);
        program.land();
    }
    return program.take();
}

}  // namespace memcgfs::supervisor

#else

namespace memcgfs::supervisor {

std::vector<sock_filter> passing_opens() { return {}; }

}  // namespace memcgfs::supervisor

#endif
