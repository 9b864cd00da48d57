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

Result<FaultGate> FaultGate::open(UniqueFd file) {
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_THREAD_ID;
    if (ioctl(file.get(), UFFDIO_API, &api) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return FaultGate(std::move(file));
}

Result<void> FaultGate::guard(std::uint64_t start, std::uint64_t length) {
    uffdio_register range{};
    range.range = {start, length};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(file_.get(), UFFDIO_REGISTER, &range) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

std::optional<FaultGate::Fault> FaultGate::next() {
    uffd_msg message{};
    while (read(file_.get(), &message, sizeof message) == static_cast<ssize_t>(sizeof message)) {
        if (message.event == UFFD_EVENT_PAGEFAULT) {
            const auto& fault = message.arg.pagefault;
            return Fault{fault.address & ~(kPage - 1), static_cast<std::int32_t>(fault.feat.ptid),
                         (fault.flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0};
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

/// Not all could be put. Who waits for one that somebody else has put meanwhile, or whose memory
/// has been unmapped, looks again.
Pages FaultGate::filled(std::int64_t bytes, std::uint64_t address, Pages pages) {
    uffdio_range range{address, pages.count() * kPage};
    ioctl(file_.get(), UFFDIO_WAKE, &range);
    return Pages{static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)) / kPage};
}

}  // namespace memcgfs::meter
