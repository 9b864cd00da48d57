// SPDX-License-Identifier: MIT
#include "meter/fault_gate.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace memcgfs::meter {

namespace {

constexpr std::uint64_t kPage = kPageSize;

alignas(kPage) constexpr std::array<std::byte, FaultGate::kMostPages.count() * kPage> kZeros{};

}  // namespace

Result<FaultGate> FaultGate::open(UniqueFd file, Use use) {
    constexpr std::uint64_t kForEviction = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
                                           UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
                                           UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_THREAD_ID | (use == Use::kEviction ? kForEviction : 0);
    if (ioctl(file.get(), UFFDIO_API, &api) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return FaultGate(std::move(file), use);
}

Result<void> FaultGate::guard(std::uint64_t start, std::uint64_t length) {
    uffdio_register range{};
    range.range = {start, length};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (use_ == Use::kEviction) {
        range.mode |= UFFDIO_REGISTER_MODE_WP;
    }
    if (ioctl(file_.get(), UFFDIO_REGISTER, &range) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

std::optional<FaultGate::Message> FaultGate::next() {
    uffd_msg message{};
    while (read(file_.get(), &message, sizeof message) == static_cast<ssize_t>(sizeof message)) {
        const auto& fault = message.arg.pagefault;
        const auto& moved = message.arg.remap;
        switch (message.event) {
            case UFFD_EVENT_PAGEFAULT:
                if ((fault.flags & UFFD_PAGEFAULT_FLAG_WP) != 0) {
                    return Blocked{fault.address & ~(kPage - 1)};
                }
                return Fault{fault.address & ~(kPage - 1),
                             static_cast<std::int32_t>(fault.feat.ptid),
                             (fault.flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0};
            case UFFD_EVENT_REMOVE:
            case UFFD_EVENT_UNMAP:
                return Removed{message.arg.remove.start, message.arg.remove.end};
            case UFFD_EVENT_REMAP:
                return Moved{moved.from, moved.to, moved.len};
            case UFFD_EVENT_FORK:
                return FaultGate(UniqueFd(static_cast<int>(message.arg.fork.ufd)), use_);
            default:
                break;
        }
    }
    return std::nullopt;
}

Pages FaultGate::fill(std::uint64_t address, Pages pages) {
    uffdio_copy copy{};
    copy.dst = address;
    copy.src = reinterpret_cast<std::uintptr_t>(kZeros.data());
    copy.len = std::min(pages, kMostPages).count() * kPage;
    return ioctl(file_.get(), UFFDIO_COPY, &copy) == 0
               ? Pages{copy.len / kPage}
               : filled(copy.copy, address, Pages{copy.len / kPage});
}

Pages FaultGate::fill_with_zero_page(std::uint64_t address, Pages pages) {
    uffdio_zeropage zero{};
    zero.range = {address, pages.count() * kPage};
    return ioctl(file_.get(), UFFDIO_ZEROPAGE, &zero) == 0 ? pages
                                                           : filled(zero.zeropage, address, pages);
}

FaultGate::Restored FaultGate::restore(std::uint64_t address, std::span<const std::byte> contents) {
    uffdio_copy copy{};
    copy.dst = address;
    copy.src = reinterpret_cast<std::uintptr_t>(contents.data());
    copy.len = contents.size();
    if (ioctl(file_.get(), UFFDIO_COPY, &copy) == 0) {
        return {Pages{copy.len / kPage}};
    }
    // In part, or not at all.
    const auto error = static_cast<Errno>(copy.copy < 0 ? -copy.copy : errno);
    const Pages pages{static_cast<std::uint64_t>(std::max<std::int64_t>(copy.copy, 0)) / kPage};
    if (pages > Pages{0}) {
        return {pages};
    }
    wake(address);
    return {pages, error};
}

Result<void> FaultGate::protect(std::uint64_t start, std::uint64_t length, bool on) {
    uffdio_writeprotect range{};
    range.range = {start, length};
    range.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
    if (ioctl(file_.get(), UFFDIO_WRITEPROTECT, &range) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

void FaultGate::wake(std::uint64_t address) {
    uffdio_range range{address, kPage};
    ioctl(file_.get(), UFFDIO_WAKE, &range);
}

/// Not all could be put. Who waits for one that somebody else has put meanwhile, or whose memory
/// has been unmapped, looks again.
Pages FaultGate::filled(std::int64_t bytes, std::uint64_t address, Pages pages) {
    uffdio_range range{address, pages.count() * kPage};
    ioctl(file_.get(), UFFDIO_WAKE, &range);
    return Pages{static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)) / kPage};
}

}  // namespace memcgfs::meter
