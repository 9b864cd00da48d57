// SPDX-License-Identifier: MIT
//
// Coroutines that can be stopped between any two steps: how the engine writes operations.
//
// A Coro<T> is a lazily started call. `co_await` of one runs it to its end; `co_await pause(...)`
// leaves step() of the whole operation, and the next step() goes on behind it. So the charge and
// reclaim loops read as algorithms, and their places of lock-drop are visible words.
//
// A driver keeps the stack of active calls and resumes its top in a loop, so the depth of the
// machine stack does not grow with the number of calls, in any build. Destroying an operation
// destroys its calls innermost last; their locals clean up.
//
// Rules: nothing that another operation may destroy (extents, mappings, unpinned memcgs, tasks) is
// held across a pause. Exceptions end the program: the engine has none.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "memcgfs/base/operation.h"

namespace memcgfs::engine {

class CoroDriver;

namespace detail {

/// An active call: a link of its operation's stack.
struct CoroCall {
    CoroDriver* driver = nullptr;
    CoroCall* caller = nullptr;
    std::coroutine_handle<> self;
};

}  // namespace detail

/// The stack of calls of one operation.
class CoroDriver {
public:
    void push(detail::CoroCall& call, std::coroutine_handle<> handle) {
        call.driver = this;
        call.self = handle;
        call.caller = top_;
        top_ = &call;
    }
    void pop() { top_ = top_->caller; }
    void pause(Step step) { step_ = step; }

    /// Resumes the innermost call until a pause or the end of the outermost one.
    Step run() {
        step_.reset();
        while (top_ != nullptr && !step_) {
            top_->self.resume();
        }
        return step_.value_or(Step{Step::Kind::kDone, {}});
    }

private:
    detail::CoroCall* top_ = nullptr;
    std::optional<Step> step_;
};

namespace detail {

struct CoroPromiseBase : CoroCall {

    struct FinalAwaiter {
        CoroDriver* driver;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept { driver->pop(); }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwaiter final_suspend() const noexcept { return {driver}; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct CoroPromise : CoroPromiseBase {
    std::optional<T> value;
    std::coroutine_handle<> handle() {
        return std::coroutine_handle<CoroPromise>::from_promise(*this);
    }
    void return_value(T result) { value.emplace(std::move(result)); }
    T take() { return std::move(*value); }
};

template <>
struct CoroPromise<void> : CoroPromiseBase {
    void return_void() const noexcept {}
    void take() const noexcept {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Coro {
public:
    struct promise_type : detail::CoroPromise<T> {
        Coro get_return_object() {
            return Coro(std::coroutine_handle<promise_type>::from_promise(*this));
        }
    };

    Coro(Coro&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Coro(const Coro&) = delete;
    Coro& operator=(const Coro&) = delete;
    Coro& operator=(Coro&&) = delete;
    ~Coro() {
        if (handle_) {
            handle_.destroy();
        }
    }

    /// Makes this the outermost call of `driver`.
    void start(CoroDriver& driver) {
        driver.push(handle_.promise(), handle_);
    }
    bool done() const { return handle_.done(); }
    T take() { return handle_.promise().take(); }

    struct Awaiter {
        std::coroutine_handle<promise_type> callee;
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> caller) const {
            caller.promise().driver->push(callee.promise(), callee);
        }
        T await_resume() const { return callee.promise().take(); }
    };
    Awaiter operator co_await() const& { return Awaiter{handle_}; }
    Awaiter operator co_await() && { return Awaiter{handle_}; }

private:
    explicit Coro(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

/// Leaves the step; see Step for when the next one comes.
struct PauseAwaiter {
    Step step;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) const {
        caller.promise().driver->pause(step);
    }
    void await_resume() const noexcept {}
};
inline PauseAwaiter pause(Step step) { return {step}; }

}  // namespace memcgfs::engine
