// SPDX-License-Identifier: MIT
//
// Runs seeds: one that is to be looked at, a range of them, or fresh ones for some time.
//
//   sim_seeds --seed N [--actions N] [--skip 3,5-9] [--always] [--verbose]
//   sim_seeds --shrink N          the least actions with which seed N still fails
//   sim_seeds --from N --count N  a range; every eighth seed runs twice
//   sim_seeds --seconds S         fresh seeds, their base from the clock
//
// A violation or an assertion prints seed, step and the last events, and the exit status is 1.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "sim/run.h"

namespace {

using namespace memcgfs::test;

struct Arguments {
    std::optional<std::uint64_t> seed;
    std::optional<std::uint64_t> shrink;
    std::uint64_t from = 1;
    std::uint64_t count = 0;
    std::uint64_t seconds = 0;
    std::uint32_t actions = 0;  // 0: the seed's own number
    std::vector<bool> skipped;
    RunOptions options;
};

void on_crash(int signal) {
    std::signal(signal, SIG_DFL);
    print_progress();
    std::raise(signal);
}

void skip(std::vector<bool>& skipped, const char* text) {
    while (*text != '\0') {
        char* end = nullptr;
        const unsigned long first = std::strtoul(text, &end, 10);
        const unsigned long last = *end == '-' ? std::strtoul(end + 1, &end, 10) : first;
        if (skipped.size() <= last) {
            skipped.resize(last + 1);
        }
        std::fill(skipped.begin() + static_cast<std::ptrdiff_t>(first),
                  skipped.begin() + static_cast<std::ptrdiff_t>(last) + 1, true);
        text = *end == ',' ? end + 1 : end;
    }
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i];
        const auto number = [&] {
            i++;
            return i < argc ? std::strtoull(argv[i], nullptr, 10) : 0;
        };
        if (name == "--seed") {
            arguments.seed = number();
        } else if (name == "--shrink") {
            arguments.shrink = number();
        } else if (name == "--from") {
            arguments.from = number();
        } else if (name == "--count") {
            arguments.count = number();
        } else if (name == "--seconds") {
            arguments.seconds = number();
        } else if (name == "--actions") {
            arguments.actions = static_cast<std::uint32_t>(number());
        } else if (name == "--skip" && i + 1 < argc) {
            skip(arguments.skipped, argv[++i]);
        } else if (name == "--always") {
            arguments.options.check_always = true;
        } else if (name == "--verbose") {
            arguments.options.verbose = true;
        } else {
            std::fprintf(stderr, "sim_seeds: %s?\n", name.c_str());
            std::exit(2);
        }
    }
    return arguments;
}

/// True: everything held.
bool run_one(const Swarm& swarm, const RunOptions& options, bool twice) {
    const RunReport report = run_swarm(swarm, options);
    if (!report.failure.empty()) {
        std::fprintf(stderr, "seed %llu: %s", static_cast<unsigned long long>(swarm.seed),
                     report.failure.c_str());
        return false;
    }
    if (twice && run_swarm(swarm, options).hash != report.hash) {
        std::fprintf(stderr, "seed %llu: two runs, two histories\n",
                     static_cast<unsigned long long>(swarm.seed));
        return false;
    }
    return true;
}

/// The same in a process of its own, so that an assertion ends only that one.
bool holds_apart(const Swarm& swarm, const RunOptions& options, bool quiet) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        if (quiet) {
            static_cast<void>(!std::freopen("/dev/null", "w", stderr));
        }
        _exit(run_one(swarm, options, false) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Leaves actions out, in ever smaller pieces, for as long as the run still fails.
int shrink(std::uint64_t seed, const RunOptions& options) {
    Swarm swarm = swarm_of_seed(seed);
    if (holds_apart(swarm, options, false)) {
        std::printf("seed %llu does not fail\n", static_cast<unsigned long long>(seed));
        return 0;
    }
    swarm.skipped.assign(swarm.actions, false);
    for (std::uint32_t piece = swarm.actions; piece > 0; piece /= 2) {
        for (std::uint32_t first = 0; first < swarm.actions; first += piece) {
            Swarm smaller = swarm;
            for (std::uint32_t i = first; i < std::min(swarm.actions, first + piece); i++) {
                smaller.skipped[i] = true;
            }
            if (!holds_apart(smaller, options, true)) {
                swarm = smaller;
            }
        }
    }
    std::string skipped;
    for (std::uint32_t i = 0; i < swarm.actions; i++) {
        if (swarm.skipped[i] && (i == 0 || !swarm.skipped[i - 1])) {
            skipped += (skipped.empty() ? "" : ",") + std::to_string(i) + "-";
        }
        if (swarm.skipped[i] && (i + 1 == swarm.actions || !swarm.skipped[i + 1])) {
            skipped += std::to_string(i);
        }
    }
    holds_apart(swarm, {.check_always = true, .verbose = true}, false);
    std::printf("sim_seeds --always --verbose --seed %llu --skip %s\n",
                static_cast<unsigned long long>(seed), skipped.c_str());
    return 1;
}

int run_range(std::uint64_t from, std::uint64_t count, std::uint64_t seconds,
              const RunOptions& options) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::seconds(seconds);
    std::uint64_t done = 0;
    for (; seconds != 0 ? Clock::now() < end : done < count; done++) {
        if (!run_one(swarm_of_seed(from + done), options, (from + done) % 8 == 0)) {
            return 1;
        }
    }
    std::printf("%llu seeds from %llu on: everything held\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(from));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    std::signal(SIGABRT, on_crash);
    std::signal(SIGSEGV, on_crash);
    if (arguments.shrink) {
        return shrink(*arguments.shrink, arguments.options);
    }
    if (arguments.seed) {
        Swarm swarm = swarm_of_seed(*arguments.seed);
        swarm.actions = arguments.actions != 0 ? arguments.actions : swarm.actions;
        swarm.skipped = arguments.skipped;
        std::fprintf(stderr, "%s\n", describe(swarm).c_str());
        return run_one(swarm, arguments.options, true) ? 0 : 1;
    }
    std::uint64_t from = arguments.from;
    if (arguments.seconds != 0) {
        from = static_cast<std::uint64_t>(
            std::chrono::system_clock::now().time_since_epoch().count());
        std::printf("fresh seeds from %llu on\n", static_cast<unsigned long long>(from));
        std::fflush(stdout);
    }
    return run_range(from, arguments.count, arguments.seconds, arguments.options);
}
