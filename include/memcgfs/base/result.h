// SPDX-License-Identifier: MIT
//
// Result<T>: a value, or the errno that user space will see.
//
// The only header that names the underlying expected type; it leaves when C++23 arrives. The
// wrapper exists because tl::expected does not warn when a result is dropped.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "memcgfs/base/assert.h"
#include "memcgfs/base/errno.h"

namespace memcgfs {

/// The error half of a Result: `return Err(Errno::kEINVAL);`
template <class E>
struct Failed {
    E error;
};

constexpr Failed<Errno> Err(Errno error) { return {error}; }

/// A T or an E (an Errno unless said otherwise). Dropping one without looking at it is a warning.
template <class T, class E = Errno>
class [[nodiscard]] Result {
public:
    Result(T value) : impl_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Result(Failed<E> failed)                      // NOLINT(google-explicit-constructor)
        : impl_(tl::unexpect, std::move(failed.error)) {}

    bool ok() const { return impl_.has_value(); }
    explicit operator bool() const { return ok(); }

    const E& error() const {
        MEMCGFS_ASSERT(!ok());
        return impl_.error();
    }
    T& value() & {
        MEMCGFS_ASSERT(ok());
        return *impl_;
    }
    const T& value() const& {
        MEMCGFS_ASSERT(ok());
        return *impl_;
    }
    T&& value() && {
        MEMCGFS_ASSERT(ok());
        return *std::move(impl_);
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

private:
    tl::expected<T, E> impl_;
};

/// Success without a value, or an E: `return {};` is success.
template <class E>
class [[nodiscard]] Result<void, E> {
public:
    Result() = default;
    Result(Failed<E> failed)  // NOLINT(google-explicit-constructor)
        : impl_(tl::unexpect, std::move(failed.error)) {}

    bool ok() const { return impl_.has_value(); }
    explicit operator bool() const { return ok(); }
    const E& error() const {
        MEMCGFS_ASSERT(!ok());
        return impl_.error();
    }
    void value() const { MEMCGFS_ASSERT(ok()); }

private:
    tl::expected<void, E> impl_;
};

namespace detail {
template <class T, class E>
T take(Result<T, E>&& result) {
    return std::move(result).value();
}
template <class E>
void take(Result<void, E>&& result) {
    result.value();
}
}  // namespace detail

}  // namespace memcgfs

/// The value of `expression`, or an early return of its error from the enclosing function.
#define MEMCGFS_TRY(expression)                             \
    __extension__({                                         \
        auto memcgfs_result = (expression);                 \
        if (!memcgfs_result.ok()) {                         \
            return ::memcgfs::Failed{memcgfs_result.error()}; \
        }                                                   \
        ::memcgfs::detail::take(std::move(memcgfs_result)); \
    })
