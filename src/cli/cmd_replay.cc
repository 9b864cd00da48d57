// SPDX-License-Identifier: MIT
//
// Each world of a document is a `memcgfs run` of its own, in which this program runs once more with
// --here: a process can serve one world only (runner/command.h).
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/world_options.h"
#include "memcgfs/replay/document.h"
#include "memcgfs/replay/list.h"
#include "memcgfs/replay/player.h"

namespace memcgfs::cli {
namespace {

using replay::Verdict;

constexpr std::string_view kAsDocumented = "as-documented";

struct ReplayOptions {
    WorldOptions world;
    std::string document;
    std::string list;
    std::vector<std::string> rows;
    std::string report;
    bool here = false;
};

/// What is to be run of which document.
struct Material {
    std::vector<std::string> lines;
    replay::List list;
    std::vector<const replay::Row*> rows;  ///< of the list, in its order
};

Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

Result<std::string, std::string> read_file(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return failure(fmt::format("cannot read {}: {}", path, std::strerror(EISDIR)));
    }
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) {
        return failure(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    }
    return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Of the shell itself, or in PATH, or a path.
bool is_command(std::string_view word) {
    constexpr std::array<std::string_view, 26> kBuiltins = {
        "alias",  "bg",    "cd",     "command", "declare", "echo",   "eval",   "exec", "exit",
        "export", "false", "fg",     "jobs",    "kill",    "local",  "printf", "pwd",  "read",
        "set",    "shift", "source", "test",    "true",    "ulimit", "umask",  "wait"};
    if (std::find(kBuiltins.begin(), kBuiltins.end(), word) != kBuiltins.end()) {
        return true;
    }
    const std::size_t slash = word.find('/');
    if (slash != std::string_view::npos) {
        return slash == 0 ? access(std::string(word).c_str(), X_OK) == 0 : word.starts_with("./");
    }
    const char* const path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
    while (!word.empty() && !rest.empty()) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
        if (access(fmt::format("{}/{}", directory, word).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/// Beside `file`, unless it is absolute.
std::string beside(const std::string& file, const std::string& path) {
    const std::filesystem::path wanted(path);
    return wanted.is_absolute() ? path
                                : (std::filesystem::path(file).parent_path() / wanted).string();
}

/// The rows asked for, and in their worlds those before them, which they build upon.
Result<std::vector<const replay::Row*>, std::string> chosen_rows(
    const replay::List& list, const std::vector<std::string>& ids) {
    std::vector<const replay::Row*> rows;
    for (const std::string& id : ids) {
        if (std::none_of(list.rows.begin(), list.rows.end(),
                         [&id](const replay::Row& row) { return row.id == id; })) {
            return failure(fmt::format("there is no row '{}'", id));
        }
    }
    for (auto row = list.rows.begin(); row != list.rows.end(); ++row) {
        const bool wanted =
            ids.empty() || std::any_of(row, list.rows.end(), [&](const replay::Row& later) {
                return later.world == row->world &&
                       std::find(ids.begin(), ids.end(), later.id) != ids.end();
            });
        if (wanted) {
            rows.push_back(&*row);
        }
    }
    return rows;
}

Result<std::unique_ptr<Material>, std::string> load(ReplayOptions& options) {
    auto material = std::make_unique<Material>();
    if (!options.list.empty()) {
        const std::string text = MEMCGFS_TRY(read_file(options.list));
        material->list = MEMCGFS_TRY(replay::parse_list(text, options.list));
        if (options.document.empty() && !material->list.document.empty()) {
            options.document = beside(options.list, material->list.document);
        }
    }
    if (options.document.empty()) {
        return failure("no document given; see 'memcgfs replay --help'");
    }
    const std::string text = MEMCGFS_TRY(read_file(options.document));
    if (options.list.empty()) {
        auto document = replay::parse_document(text, is_command);
        if (!document.ok()) {
            return failure(fmt::format("{}: {}", options.document, document.error()));
        }
        material->list = replay::list_of(*document);
    }
    material->lines = replay::split_lines(text);
    material->rows = MEMCGFS_TRY(chosen_rows(material->list, options.rows));
    for (const replay::Row* row : material->rows) {
        for (const replay::Step& step : row->steps) {
            if (const auto commands = replay::commands_of(step, material->lines); !commands.ok()) {
                return failure(
                    fmt::format("{}: row {}: {}", options.document, row->id, commands.error()));
            }
        }
    }
    return material;
}

/// The options of `memcgfs run` for a world: the command line's before the list's.
Result<std::vector<std::string>, std::string> run_options(const ReplayOptions& options,
                                                          const replay::WorldSpec& spec) {
    WorldOptions world = options.world;
    if (world.profile == kAsDocumented) {
        world.profile = spec.as_documented;
        if (world.profile.empty()) {
            return failure(
                fmt::format("world '{}' of the list has no profile as-documented", spec.name));
        }
    }
    const auto listed = [&spec](const std::string& name) {
        const auto option = spec.options.find(name);
        return option == spec.options.end() ? std::string() : option->second;
    };
    const std::array<std::pair<const char*, std::string*>, 5> texts{
        {{"profile", &world.profile},
         {"hierarchy", &world.hierarchy},
         {"machine", &world.machine_file},
         {"memory", &world.memory},
         {"swap", &world.swap}}};
    std::vector<std::string> words;
    for (const auto& [name, value] : texts) {
        if (value->empty() && !listed(name).empty()) {
            *value = name == std::string_view("machine") ? beside(options.list, listed(name))
                                                         : listed(name);
        }
        if (!value->empty()) {
            words.insert(words.end(), {fmt::format("--{}", name), *value});
        }
    }
    if (!world.cpus && !listed("cpus").empty()) {
        words.insert(words.end(), {"--cpus", listed("cpus")});
    } else if (world.cpus) {
        words.insert(words.end(), {"--cpus", std::to_string(*world.cpus)});
    }
    if (!world.mount_options && spec.options.contains("mount-options")) {
        world.mount_options = listed("mount-options");
    }
    if (world.mount_options) {
        words.insert(words.end(), {"--mount-options", *world.mount_options});
    }
    if (const std::string tracked = listed("track"); !tracked.empty()) {
        words.insert(words.end(), {"--track", tracked});
    }
    if (const auto config = resolve(world); !config.ok()) {
        return failure(config.error());
    }
    return words;
}

/// The exit status, as a shell has it.
int spawn_and_wait(const std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (const std::string& word : words) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    pid_t pid = -1;
    if (posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0) {
        return kExitRuntime;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

/// What memhog is: a puppet, or on a real machine a program there that uses real memory.
std::string hog_program() {
    const bool real = std::getenv("MEMCGFS_ROOT") == nullptr && is_command("memhog");
    return real ? "" : own_program();
}

/// Runs rows in the world at hand.
int play_here(const ReplayOptions& options, const Material& material) {
    std::ofstream report;
    if (!options.report.empty()) {
        report.open(options.report, std::ios::app);
    }
    int exit_status = 0;
    for (const replay::WorldSpec& world : material.list.worlds) {
        const auto in_world = [&world](const replay::Row* row) { return row->world == world.name; };
        if (std::none_of(material.rows.begin(), material.rows.end(), in_world)) {
            continue;
        }
        auto place = replay::Workplace::create(world, material.lines, hog_program());
        if (!place.ok()) {
            return fail(kExitRuntime, place.error());
        }
        replay::Player player(world, material.lines, **place);
        for (const replay::Row* row : material.rows) {
            if (!in_world(row)) {
                continue;
            }
            const auto result = player.play(*row);
            if (!result.ok()) {
                return fail(kExitRuntime, result.error());
            }
            fmt::print("{}", replay::transcript(*result));
            std::fflush(stdout);
            report << replay::report(*result) << std::flush;
            exit_status = result->verdict() >= Verdict::kDiffers ? kExitRuntime : exit_status;
        }
    }
    return exit_status;
}

/// Rows by verdict, from the report of all worlds; those of a world that did not come to its end
/// are missing.
std::string summary(const std::string& report, std::size_t rows) {
    constexpr std::array kVerdicts = {Verdict::kAsShown, Verdict::kNotCompared, Verdict::kAsLinux,
                                      Verdict::kDiffers, Verdict::kNotRun};
    std::array<std::size_t, kVerdicts.size()> counts{};
    std::ifstream file(report);
    std::size_t seen = 0;
    for (std::string line; std::getline(file, line);) {
        for (std::size_t at = 0; at < kVerdicts.size() && line.starts_with("row\t"); at++) {
            const std::size_t name = line.find('\t', 4) + 1;
            const std::string_view rest = std::string_view(line).substr(name);
            if (rest.substr(0, rest.find('\t')) == replay::verdict_name(kVerdicts[at])) {
                counts[at]++;
                seen++;
            }
        }
    }
    counts.back() += rows - std::min(rows, seen);
    return fmt::format("{} as shown, {} not compared, {} as Linux does, {} differ, {} not run\n",
                       counts[0], counts[1], counts[2], counts[3], counts[4]);
}

/// A world for each that the rows name.
int play_in_worlds(const ReplayOptions& options, const Material& material) {
    const std::string self = own_program();
    std::vector<std::vector<std::string>> commands;
    for (const replay::WorldSpec& world : material.list.worlds) {
        std::vector<std::string> words{self, "run"};
        const auto world_words = run_options(options, world);
        if (!world_words.ok()) {
            return fail(kExitUsage, world_words.error());
        }
        words.insert(words.end(), world_words->begin(), world_words->end());
        words.insert(words.end(), {"--", self, "replay", "--here", "--report", options.report});
        if (!options.list.empty()) {
            words.insert(words.end(), {"--list", options.list});
        }
        bool any = false;
        for (const replay::Row* row : material.rows) {
            if (row->world == world.name) {
                words.insert(words.end(), {"--row", row->id});
                any = true;
            }
        }
        words.push_back(options.document);
        if (any) {
            commands.push_back(std::move(words));
        }
    }
    int exit_status = 0;
    for (const std::vector<std::string>& words : commands) {
        exit_status = spawn_and_wait(words) != 0 ? kExitRuntime : exit_status;
    }
    fmt::print("\n{}", summary(options.report, material.rows.size()));
    return exit_status;
}

int replay_document(ReplayOptions options) {
    const auto material = load(options);
    if (!material.ok()) {
        return fail(kExitUsage, material.error());
    }
    if (options.here) {
        return play_here(options, **material);
    }
    std::optional<std::string> scratch;
    if (options.report.empty()) {
        scratch = (std::filesystem::temp_directory_path() / "memcgfs-report-").string();
        scratch->append(6, 'X');  // what mkstemp(3) fills in
        const int file = mkstemp(scratch->data());
        if (file < 0) {
            return fail(kExitRuntime,
                        fmt::format("cannot make {}: {}", *scratch, std::strerror(errno)));
        }
        close(file);
        options.report = *scratch;
    } else if (!std::ofstream(options.report, std::ios::trunc).is_open()) {
        return fail(kExitUsage,
                    fmt::format("cannot write {}: {}", options.report, std::strerror(errno)));
    }
    const int exit_status = play_in_worlds(options, **material);
    if (scratch) {
        unlink(scratch->c_str());
    }
    return exit_status;
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
    CLI::App* const command = app.add_subcommand(
        "replay", "Run the shell commands of a document and compare what it shows");
    auto options = std::make_shared<ReplayOptions>();
    add_kernel_options(*command, options->world);
    add_machine_options(*command, options->world);
    command
        ->add_option("--list", options->list,
                     "What of the document to run, where, and what to expect (docs/replay.md)")
        ->type_name("FILE");
    command
        ->add_option("--row", options->rows,
                     "Only this row of the list, after those before it in its world; may be given "
                     "again")
        ->type_name("ID")
        ->allow_extra_args(false);
    command->add_option("--report", options->report, "Write the results to a table, too")
        ->type_name("FILE");
    command->add_flag(
        "--here", options->here,
        "In the world at hand ('memcgfs run', a real machine), not in one of its own");
    command->add_option("DOCUMENT", options->document,
                        "Markdown or text with prompts (default: the list's)");
    command->footer(
        "Without a list all blocks of shell commands are run in their order, in one world. What a\n"
        "document shows as output is compared; a command without any has to succeed. With\n"
        "--profile as-documented each world has the profile that its document was written for, "
        "if\n"
        "the list names one.\n\n"
        "The commands of a document are run as they are: they can do to this machine what any\n"
        "script can that runs under 'memcgfs run'. With --here outside of a run they are run on\n"
        "this machine's own kernel, groups and files.\n\n"
        "The exit status is 0 if all is as shown, or as the list says that Linux does; 1 if "
        "anything\n"
        "differs; 2 if a document or list cannot be used.\n\n"
        "Examples:\n"
        "  memcgfs replay --profile alinux2 --memory 4G wmark.md\n"
        "  memcgfs replay --list tests/seeds/000-wmark.toml --row A5");
    command->callback(
        [options, &action] { action = [options] { return replay_document(*options); }; });
}

}  // namespace memcgfs::cli
