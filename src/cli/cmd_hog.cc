// SPDX-License-Identifier: MIT
//
// Steps, options, answers and exit statuses are those of the memory hog that the golden
// transcripts were recorded with, so that one script runs on a kernel and here.
#include "cli/cmd_hog.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/puppet.h"

namespace memcgfs::cli {

namespace {

constexpr int kUsage = 2;
constexpr int kHostFailure = 3;
constexpr int kJoinFailed = 4;
constexpr int kNoCommand = 127;
constexpr std::size_t kLineMax = 510;
constexpr std::size_t kStdinLineMax = 511;
constexpr std::size_t kWordsMax = 8;

constexpr std::string_view kHelp =
    "usage: memcgfs hog [-j PROCS] [-a ADJ] [-s] STEP...\n"
    "       memcgfs hog [-j PROCS] [-a ADJ] [-s] -x COMMAND [ARG]...\n"
    "  -j PROCS  first join the group whose cgroup.procs (or tasks) file this is\n"
    "  -a ADJ    first set the own oom_score_adj\n"
    "  -s        a child does it; the parent waits, exits with its status or 128 + its signal\n"
    "  -x        run a command instead of steps\n"
    "steps (sizes take K, M or G):\n"
    "  anon N | huge N | shm N | sysv N | sysvkeep N | lock N | write P N | read P | map P N |\n"
    "  sync P | drop P | touch | peek | pageout | discard N | free | sleep MS | pid | hold | in |\n"
    "  lookup DIR COUNT | timers COUNT\n";

struct Options {
    const char* join = nullptr;
    const char* oom_score_adj = nullptr;
    std::optional<std::int64_t> claimed_oom_score_adj;
    bool supervise = false;
    bool command = false;
};

void say(std::string line) {
    line.resize(std::min(line.size(), kLineMax));
    line += '\n';
    if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        _exit(kHostFailure);
    }
}

std::string error_text(HostErrno error) {
    const char* name = error == 0 ? "ok" : strerrorname_np(error);
    return name != nullptr ? name : std::to_string(error);
}

std::uint64_t parse_bytes(const char* text) {
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(text, &end, 10);
    switch (*end) {
        case 'G':
        case 'g':
            return number << 30U;
        case 'M':
        case 'm':
            return number << 20U;
        case 'K':
        case 'k':
            return number << 10U;
        default:
            return number;
    }
}

HostErrno put(const char* path, const char* text) {
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return errno;
    }
    const HostErrno error = write(descriptor, text, std::strlen(text)) < 0 ? errno : 0;
    close(descriptor);
    return error;
}

/// Waits for SIGUSR1; SIGTERM ends the program. False: it is to end.
bool hold() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    say("hold");
    int signal_number = 0;
    sigwait(&set, &signal_number);
    return signal_number != SIGTERM;
}

void pause_for(long milliseconds) {
    const timespec length{milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&length, nullptr);
}

/// Runs steps. What a step is called is compared in this order: name, then enough words.
class Steps {
public:
    explicit Steps(Puppet& puppet) : puppet_(puppet) {}

    /// Runs the step that `words` begins with; the number of words it took, 0 if it is unknown.
    std::size_t run(std::span<char* const> words);
    void run_stdin();
    /// SIGTERM came while holding.
    bool ended() const { return ended_; }

private:
    std::optional<HostErrno> one_word(std::string_view name);
    std::optional<HostErrno> two_words(std::string_view name, const char* argument);
    std::optional<HostErrno> three_words(std::string_view name, const char* path, const char* size);

    Puppet& puppet_;
    bool ended_ = false;
};

std::optional<HostErrno> Steps::one_word(std::string_view name) {
    if (name == "touch") {
        return puppet_.touch_all(Puppet::Access::kWrite);
    }
    if (name == "peek") {
        return puppet_.touch_all(Puppet::Access::kRead);
    }
    if (name == "pageout") {
        return puppet_.page_out();
    }
    if (name == "free") {
        return puppet_.unmap_last();
    }
    return std::nullopt;
}

std::optional<HostErrno> Steps::two_words(std::string_view name, const char* argument) {
    using Memory = Puppet::Memory;
    constexpr struct {
        std::string_view name;
        Memory kind;
    } kMemorySteps[] = {
        {"anon", Memory::kPrivate}, {"huge", Memory::kHuge},    {"shm", Memory::kShared},
        {"lock", Memory::kLocked},  {"sysv", Memory::kSegment}, {"sysvkeep", Memory::kKeptSegment},
    };
    for (const auto& step : kMemorySteps) {
        if (name == step.name) {
            return puppet_.map_memory(step.kind, parse_bytes(argument));
        }
    }
    if (name == "read") {
        return puppet_.read_file(argument);
    }
    if (name == "sync") {
        return puppet_.sync_file(argument);
    }
    if (name == "drop") {
        return puppet_.drop_file(argument);
    }
    if (name == "timers") {
        return puppet_.make_timers(std::strtoull(argument, nullptr, 10));
    }
    if (name == "discard") {
        return puppet_.discard(parse_bytes(argument));
    }
    if (name == "sleep") {
        pause_for(std::atol(argument));
        return 0;
    }
    return std::nullopt;
}

std::optional<HostErrno> Steps::three_words(std::string_view name, const char* path,
                                            const char* size) {
    if (name == "write") {
        return puppet_.write_file(path, parse_bytes(size));
    }
    if (name == "lookup") {
        return puppet_.look_up(path, std::strtoull(size, nullptr, 10));
    }
    if (name == "map") {
        return puppet_.map_file(path, parse_bytes(size));
    }
    return std::nullopt;
}

std::size_t Steps::run(std::span<char* const> words) {
    const std::string name = words[0];
    if (name == "pid") {
        say("pid " + std::to_string(getpid()));
        return 1;
    }
    if (name == "hold") {
        ended_ = !hold();
        return 1;
    }
    std::size_t took = 1;
    std::optional<HostErrno> error = one_word(name);
    if (!error && words.size() > 1) {
        took = 2;
        error = two_words(name, words[1]);
    }
    if (!error && words.size() > 2) {
        took = 3;
        error = three_words(name, words[1], words[2]);
    }
    if (!error) {
        say(name + ": unknown step");
        return 0;
    }
    std::string line = name;
    for (std::size_t word = 1; word < took; word++) {
        line += std::string(" ") + words[word];
    }
    say(line + ": " + error_text(*error));
    return took;
}

void Steps::run_stdin() {
    std::string line;
    while (!ended_) {
        char byte = 0;
        if (read(STDIN_FILENO, &byte, 1) <= 0) {
            return;
        }
        if (byte != '\n') {
            if (line.size() < kStdinLineMax) {
                line += byte;
            }
            continue;
        }
        std::vector<char*> words;
        char* rest = nullptr;
        for (char* word = strtok_r(line.data(), " ", &rest);
             word != nullptr && words.size() < kWordsMax; word = strtok_r(nullptr, " ", &rest)) {
            words.push_back(word);
        }
        if (!words.empty()) {
            if (std::string_view(words[0]) == "exit") {
                return;
            }
            run(words);
        }
        line.clear();
    }
}

/// Where the tree may be, the likeliest first: next to the file joined, else where the environment
/// says, else where Linux has it.
std::vector<std::string> expected_trees(const Options& options) {
    std::vector<std::string> places;
    if (options.join != nullptr) {
        const std::string path = options.join;
        const std::size_t slash = path.rfind('/');
        places.push_back(slash == std::string::npos ? "." : path.substr(0, slash + 1));
    }
    for (const char* variable : {"MEMCGFS_ROOT", "CG"}) {
        const char* value = std::getenv(variable);
        if (value != nullptr && *value != '\0') {
            places.emplace_back(value);
        }
    }
    if (places.empty()) {
        places.emplace_back("/sys/fs/cgroup");
    }
    return places;
}

/// Mount points of all trees in sight, for a process that has joined a group by other means.
std::vector<std::string> mounted_trees() {
    std::vector<std::string> points;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        // In a run the table shows the tree's parts as what they stand for.
        if (line.find(" - fuse.memcgfs ") == std::string::npos &&
            line.find(" - cgroup") == std::string::npos) {
            continue;
        }
        std::istringstream fields(line);
        std::string point;
        for (int field = 1; field <= 5; field++) {
            fields >> point;
        }
        points.push_back(point);
    }
    return points;
}

/// Connects where the tree should be, else to the one that has this process in a group. The error
/// is that of the likeliest place.
HostErrno connect(Puppet& puppet, const std::vector<std::string>& expected,
                  std::optional<std::int64_t> oom_score_adj) {
    HostErrno first_error = 0;
    for (const std::string& place : expected) {
        const HostErrno error = puppet.connect(place, Puppet::Membership::kAny, oom_score_adj);
        if (error == 0) {
            return 0;
        }
        first_error = first_error == 0 ? error : first_error;
    }
    const std::vector<std::string> others = mounted_trees();
    for (const auto wanted : {Puppet::Membership::kInGroup, Puppet::Membership::kAny}) {
        for (const std::string& other : others) {
            if (puppet.connect(other, wanted, oom_score_adj) == 0) {
                return 0;
            }
        }
    }
    return first_error;
}

/// Tells the tree the oom_score_adj that the host refused. Before the group is joined: from then on
/// this process can be chosen. False if there is no tree yet to tell.
bool claim_oom_score_adj(const Options& options, Puppet& puppet) {
    const std::vector<std::string> places = expected_trees(options);
    const HostErrno error = connect(puppet, places, options.claimed_oom_score_adj);
    if (error == EACCES) {
        say("oom_score_adj: " + error_text(error));
        return connect(puppet, places, std::nullopt) == 0;
    }
    return error == 0;
}

int run_steps(Puppet& puppet, std::span<char*> words) {
    Steps steps(puppet);
    while (!words.empty() && !steps.ended()) {
        if (std::string_view(words[0]) == "in") {
            steps.run_stdin();
            words = words.subspan(1);
            continue;
        }
        const std::size_t took = steps.run(words.first(std::min<std::size_t>(words.size(), 3)));
        if (took == 0) {
            return kUsage;
        }
        words = words.subspan(took);
    }
    return 0;
}

int run(Options& options, std::span<char*> words) {
    if (options.oom_score_adj != nullptr) {
        const HostErrno error = put("/proc/self/oom_score_adj", options.oom_score_adj);
        if (error == EACCES && geteuid() == 0 && !options.command) {
            // Root without CAP_SYS_RESOURCE: the tree's machine knows a whole root.
            options.claimed_oom_score_adj = std::atoll(options.oom_score_adj);
        } else if (error != 0) {
            say("oom_score_adj: " + error_text(error));
        }
    }
    Puppet puppet;
    const bool claimed = options.claimed_oom_score_adj && claim_oom_score_adj(options, puppet);
    if (options.join != nullptr) {
        if (const HostErrno error = put(options.join, "0")) {
            say("join: " + error_text(error));
            return kJoinFailed;
        }
    }
    if (!options.command) {
        const std::vector<std::string> places = expected_trees(options);
        const HostErrno error = claimed ? 0 : connect(puppet, places, std::nullopt);
        if (error != 0) {
            std::fprintf(stderr,
                         "memcgfs hog: %s is not in a memcgfs tree (%s); start it with 'memcgfs "
                         "run' or name a mounted tree in MEMCGFS_ROOT\n",
                         places.front().c_str(), error_text(error).c_str());
            return kUsage;
        }
        return run_steps(puppet, words);
    }
    if (!words.empty()) {
        // argv ends with a null pointer.
        execvp(words[0], words.data());
    }
    say("exec: " + error_text(words.empty() ? 0 : errno));
    return kNoCommand;
}

// A signal handler has no other way to know the child.
std::atomic<pid_t> supervised_child = 0;

void forward(int signal_number) {
    if (supervised_child > 0) {
        kill(supervised_child, signal_number);
    }
}

/// In the child: nothing. In the parent: the exit status, at the child's end.
std::optional<int> supervise() {
    supervised_child = fork();
    if (supervised_child < 0) {
        return kHostFailure;
    }
    if (supervised_child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return std::nullopt;
    }
    signal(SIGTERM, forward);
    signal(SIGUSR1, forward);
    int status = 0;
    while (waitpid(supervised_child, &status, 0) < 0) {
        if (errno != EINTR) {
            return kHostFailure;
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

int cmd_hog(int argc, char** argv) {
    Options options;
    int option = 0;
    optind = 1;
    while ((option = getopt(argc, argv, "+j:a:sx")) != -1) {
        switch (option) {
            case 'j':
                options.join = optarg;
                break;
            case 'a':
                options.oom_score_adj = optarg;
                break;
            case 's':
                options.supervise = true;
                break;
            case 'x':
                options.command = true;
                break;
            default:
                std::fwrite(kHelp.data(), 1, kHelp.size(), stderr);
                return kUsage;
        }
    }
    const std::span<char*> words(argv + optind, static_cast<std::size_t>(argc - optind));
    if (options.supervise) {
        if (const std::optional<int> status = supervise()) {
            return *status;
        }
    }
    return run(options, words);
}

}  // namespace memcgfs::cli
