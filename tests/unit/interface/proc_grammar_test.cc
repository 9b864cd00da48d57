// SPDX-License-Identifier: MIT
//
// What kernels hold in the files of /proc and /sys, and what those take, as scripts/record-proc
// has recorded it, against the rows.
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "conformance/rows.h"
#include "proc_fixture.h"

namespace memcgfs::interface {
namespace {

constexpr std::int32_t kSelf = 42;

std::ifstream recorded(const std::string& name) {
    const char* root = std::getenv("MEMCGFS_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    std::ifstream file(std::string(root) + "/tests/unit/interface/recorded/" + name);
    REQUIRE(file.good());
    return file;
}

std::vector<test::TableRow> table(const std::string& profile) {
    std::ifstream file = recorded("proc-grammar-" + profile + ".tsv");
    std::vector<test::TableRow> rows;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with('#')) {
            rows.push_back(test::parse_row(line));
        }
    }
    REQUIRE(rows.size() > 1000);
    return rows;
}

struct Text {
    std::string mode;
    std::string content;
};

/// By path.
std::map<std::string, Text> texts(const std::string& profile) {
    std::ifstream file = recorded("proc-texts-" + profile + ".golden");
    std::map<std::string, Text> all;
    std::string path;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("== ")) {
            path = line.substr(3, line.rfind(' ') - 3);
            all[path].mode = line.substr(line.rfind(' ') + 1);
        } else if (!path.empty()) {
            all[path].content += line + "\n";
        }
    }
    REQUIRE(all.size() > 40);
    return all;
}

/// The guest that they were recorded on.
engine::Machine guest() {
    engine::Machine machine;
    machine.swap = Pages{131071};
    machine.nodes.resize(1);
    machine.nodes[0].managed = {Pages{3840}, Pages{243851}, Pages{}, Pages{}};
    machine.memory = Pages{3840 + 243851};
    return machine;
}

class Guest : public ProcFixture {
public:
    explicit Guest(std::string_view profile) : ProcFixture(profile, Layout::kV2, guest()) {
        tasks.add(kSelf);
        REQUIRE(proc.enter(kSelf).ok());
    }
    /// /proc/self is the caller's.
    static std::string real(const std::string& path) {
        constexpr std::string_view kSelfPath = "/proc/self/";
        return path.starts_with(kSelfPath)
                   ? "/proc/" + std::to_string(kSelf) + path.substr(kSelfPath.size() - 1)
                   : path;
    }
};

std::string pattern_of(const std::string& path) {
    for (const ProcFile* row : all_proc_files()) {
        if (match_path(row->path, Guest::real(path))) {
            return std::string(row->path);
        }
    }
    return {};
}

std::string answer(const test::TableRow& row, Guest& machine) {
    const std::string bytes =
        test::unescape(row.text, [](std::string_view) { return std::string(); });
    const std::string said = machine.echo(Guest::real(row.file), bytes);
    return said == kOk ? "0" : said;
}

TEST_CASE("the files take what kernels take", "[interface]") {
    const std::string profile = GENERATE("6.1", "6.12");
    Guest machine(profile);
    for (const test::TableRow& row : table(profile)) {
        if (pattern_of(row.file).empty()) {
            continue;
        }
        INFO(row.file << " <- \"" << row.text << "\"");
        // DEVIATION(empty-write): no file system in user space hears of these.
        if (row.text.empty()) {
            CHECK(answer(row, machine) == "0");
            continue;
        }
        CHECK(answer(row, machine) == row.answer);
        if (row.read != "-") {
            const std::string& read = row.read == "=" ? row.file : row.read;
            if (row.now[0] != '(') {
                CHECK(test::escape(machine.cat(Guest::real(read))) == row.now);
            }
        }
    }
}

TEST_CASE("every file has its recorded mode", "[interface]") {
    const std::string profile = GENERATE("6.1", "6.12");
    Guest machine(profile);
    for (const auto& [path, text] : texts(profile)) {
        if (pattern_of(path).empty()) {
            continue;
        }
        INFO(path);
        const auto found = machine.find(Guest::real(path));
        REQUIRE(found.ok());
        CHECK(fmt::format("{:o}", found->mode & 07777U) == text.mode);
    }
}

/// Numbers that are the machine's own, or a process's.
bool numbers_vary(const std::string& path) {
    return path.ends_with("meminfo") || path.ends_with("vmstat") || path.ends_with("numastat") ||
           path.ends_with("zoneinfo") || path.starts_with("/proc/pressure") ||
           path.ends_with("min_free_kbytes") || path.ends_with("valid_zones");
}

std::string without_numbers(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (!digit && !(c == ' ' && out.ends_with(' '))) {
            out += c;
        }
    }
    return out;
}

TEST_CASE("every file holds what was recorded", "[interface]") {
    const std::string profile = GENERATE("6.1", "6.12");
    Guest machine(profile);
    for (const auto& [path, text] : texts(profile)) {
        if (pattern_of(path).empty() || text.content.empty()) {
            continue;
        }
        INFO(path);
        const std::string shown = machine.cat(Guest::real(path));
        if (numbers_vary(path)) {
            CHECK(without_numbers(shown) == without_numbers(text.content));
        } else {
            CHECK(shown == text.content);
        }
    }
}

TEST_CASE("every row is in the recorded texts, and in the table if it is written to",
          "[interface]") {
    std::set<std::string> shown;
    for (const auto& [path, text] : texts("6.12")) {
        shown.insert(pattern_of(path));
    }
    std::set<std::string> written;
    for (const test::TableRow& row : table("6.12")) {
        written.insert(pattern_of(row.file));
    }
    for (const ProcFile* row : all_proc_files()) {
        INFO(row->path);
        CHECK((shown.contains(std::string(row->path)) || row->records != nullptr));
        // A log's lines are not recorded: conformance case kernel-log.
        CHECK((row->store == nullptr || row->records != nullptr ||
               written.contains(std::string(row->path))));
        CHECK_FALSE(row->doc.empty());
    }
}

}  // namespace
}  // namespace memcgfs::interface
