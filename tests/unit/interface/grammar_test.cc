// SPDX-License-Identifier: MIT
//
// The grammar tables (tests/conformance/cases/table-*.tsv), which say what a kernel answered to
// each text that was written to each file, played on the file tables and a vfs::Tree without a
// mount. The conformance suite plays them on one.
#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "conformance/rows.h"
#include "fs_fixture.h"
#include "memcgfs/interface/describe.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::interface {
namespace {

using engine::Controller;
using engine::ControllerMask;
using test::TableRow;

constexpr std::int32_t kWriter = 77;

struct Config {
    std::string_view profile;
    std::string_view hierarchy;
    Layout layout;
};
constexpr std::array kConfigs = {Config{"6.1", "v1", Layout::kV1}, Config{"6.1", "v2", Layout::kV2},
                                 Config{"6.12", "v2", Layout::kV2},
                                 Config{"alinux2", "v1", Layout::kV1},
                                 Config{"alinux2", "v2", Layout::kV2}};

using Tables = std::map<std::string, std::vector<TableRow>>;  ///< by the file's name

std::filesystem::path cases_directory() {
    const char* root = std::getenv("MEMCGFS_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    return std::filesystem::path(root) / "tests/conformance/cases";
}

Tables tables_of(const Config& config) {
    const std::string ending = fmt::format(".{}-{}.tsv", config.profile, config.hierarchy);
    Tables tables;
    for (const auto& entry : std::filesystem::directory_iterator(cases_directory())) {
        const std::string name = entry.path().filename();
        if (!name.ends_with(ending)) {
            continue;
        }
        std::ifstream file(entry.path());
        std::string line;
        std::getline(file, line);  // where the table is from
        while (std::getline(file, line)) {
            tables[name].push_back(test::parse_row(line));
        }
    }
    return tables;
}

class SilentEventFd final : public world::EventFd {
public:
    void signal() override {}
    bool held() override { return true; }
};

/// Each v1 controller has a hierarchy of its own.
std::vector<engine::HierarchySpec> other_hierarchies(const engine::Profile& profile,
                                                     Layout layout) {
    std::vector<engine::HierarchySpec> specs;
    for (unsigned bit = 0; layout == Layout::kV1 && bit < 32; ++bit) {
        const ControllerMask mask = ControllerMask{1} << bit;
        if ((mask & kernel_controllers(profile) & ~mask_of(Controller::kMemory)) != 0) {
            specs.push_back({.controllers = mask, .name = {}});
        }
    }
    return specs;
}

engine::Machine conformance_machine() {
    engine::Machine machine;
    machine.swap = Pages{512ULL << 8U};
    machine.page_tables = true;
    return machine;
}

/// A machine with one group, and the trees through which its files are reached.
class Player : public test::EngineFixture {
public:
    explicit Player(const Config& config)
        : EngineFixture(*engine::find_profile(config.profile), config.layout, conformance_machine(),
                        {}, nullptr, {},
                        other_hierarchies(*engine::find_profile(config.profile), config.layout)),
          fs_(engine, mutex_, tasks_, {.control = {}, .may_write = {}, .open_event = events()}) {
        tasks_.add(kWriter);
        if (engine.memory_hierarchy().is_v2()) {
            auto* root = engine.memory_hierarchy().root;
            REQUIRE(engine.set_subtree_control(*root, engine.available_controllers(*root), 0).ok());
        }
    }

    /// The row as this machine answers it; none: there is no such file.
    std::optional<TableRow> play(TableRow row, bool fresh_group) {
        const bool in_root = row.file.starts_with('/');
        const std::string name = row.file.substr(in_root ? 1 : 0);
        if (fresh_group) {
            leave_group();
            find_tree(name);
            directory_ = vfs::kRootNode;
            if (!in_root) {
                directory_ = tree_->mkdir(vfs::kRootNode, "t", 0755, who_).value().node;
            }
        }
        if (!tree_->lookup(directory_, name).ok()) {
            return std::nullopt;
        }
        row.answer = write(name, row.text);
        row.now = row.read == "-" ? "" : read(row.read == "=" ? name : row.read);
        return row;
    }

private:
    void find_tree(const std::string& name) {
        const Cftype* row = nullptr;
        for (const Cftype* each : all_files()) {
            if (each->name == name && (each->version == engine::CgroupVersion::kV2) ==
                                          engine.memory_hierarchy().is_v2()) {
                row = each;
            }
        }
        const engine::Hierarchy* hierarchy = &engine.memory_hierarchy();
        for (const engine::Hierarchy* each : engine.hierarchies()) {
            if (row != nullptr && row->controller && each->has(*row->controller)) {
                hierarchy = each;
            }
        }
        hierarchy_ = hierarchy;
        tree_ = std::make_unique<vfs::Tree>(
            fs_, [] { return timespec{}; }, vfs::Tree::Options{.root = fs_.root(*hierarchy)});
    }

    void leave_group() {
        if (tree_ != nullptr && directory_ != vfs::kRootNode) {
            write_to(vfs::kRootNode, "cgroup.procs", "0");
            REQUIRE(tree_->rmdir(vfs::kRootNode, "t").ok());
        }
    }

    std::string write(const std::string& name, const std::string& text) {
        descriptors_.clear();
        return write_to(directory_, name, test::unescape(text, [this](std::string_view word) {
                            return this->word(word);
                        }));
    }

    std::string write_to(vfs::NodeId directory, const std::string& name, std::string_view bytes) {
        const auto node = tree_->lookup(directory, name).value().node;
        auto file = tree_->open(node, O_WRONLY, who_);
        REQUIRE(file.ok());
        auto outcome = tree_->write(**file, bytes, who_);
        if (outcome.ok() && outcome->operation != nullptr) {
            const auto result = run(std::move(outcome->operation));
            run_spawned();
            return result.ok() ? "0" : std::string(errno_name(result.error()));
        }
        return outcome.ok() ? "0" : std::string(errno_name(outcome.error()));
    }

    std::string read(const std::string& name) {
        const auto node = tree_->lookup(directory_, name);
        if (!node.ok()) {
            return "(ENOENT)";
        }
        auto file = tree_->open(node->node, O_RDONLY, who_);
        REQUIRE(file.ok());
        std::string text;
        for (;;) {
            const auto part = tree_->read(**file, text.size(), 4096, who_);
            if (!part.ok()) {
                return fmt::format("({})", errno_name(part.error()));
            }
            if (part->empty()) {
                return test::without_pid(text, std::to_string(kWriter));
            }
            text += *part;
        }
    }

    /// Descriptors are numbered by their place in descriptors_, which has what they are.
    std::string word(std::string_view name) {
        if (name == "pid") {
            return std::to_string(kWriter);
        }
        if (name == "closed") {
            return "999";
        }
        descriptors_.emplace_back(name);
        return std::to_string(descriptors_.size() - 1);
    }

    std::function<Result<EventDescriptors>(DirKey, const EventRequest&, const vfs::Credentials&)>
    events() {
        return [this](DirKey, const EventRequest& request,
                      const vfs::Credentials&) -> Result<EventDescriptors> {
            if (request.event_fd >= descriptors_.size()) {
                return Err(Errno::kEBADF);
            }
            if (descriptors_[request.event_fd] != "eventfd") {
                return Err(Errno::kEINVAL);
            }
            if (request.control_fd >= descriptors_.size() ||
                descriptors_[request.control_fd].starts_with("path:")) {
                return Err(Errno::kEBADF);
            }
            for (const std::string_view file : kEventFiles) {
                if (descriptors_[request.control_fd] == fmt::format("fd:{}", file)) {
                    return EventDescriptors{.eventfd = std::make_shared<SilentEventFd>(),
                                            .control_file = file};
                }
            }
            return Err(Errno::kEINVAL);
        };
    }

    Mutex mutex_{LockRank::kEngine};
    FakeTasks tasks_;
    const vfs::Credentials who_{.uid = 0, .gid = 0, .pid = kWriter};
    CgroupFs fs_;
    const engine::Hierarchy* hierarchy_ = nullptr;
    std::unique_ptr<vfs::Tree> tree_;
    vfs::NodeId directory_{vfs::kRootNode};
    std::vector<std::string> descriptors_;
};

TEST_CASE("every text is answered as a kernel does", "[interface][grammar]") {
    for (const Config& config : kConfigs) {
        for (const auto& [name, rows] : tables_of(config)) {
            Player player(config);
            std::string_view file;
            for (const TableRow& row : rows) {
                const auto played = player.play(row, row.file != file);
                file = row.file;
                INFO(name);
                CHECK((played ? test::format_row(*played) : "no such file") ==
                      test::format_row(row));
            }
        }
    }
}

TEST_CASE("every file that can be written has a grammar table", "[interface][grammar]") {
    for (const Config& config : kConfigs) {
        std::set<std::string> known;
        for (const auto& [name, rows] : tables_of(config)) {
            for (const TableRow& row : rows) {
                known.insert(row.file);
            }
        }
        for (const Cftype* row : all_files()) {
            const engine::Profile& profile = *engine::find_profile(config.profile);
            const bool here =
                exists_in(*row, profile) && is_writable(*row) &&
                (row->version == engine::CgroupVersion::kV2) == (config.layout == Layout::kV2);
            // The rest of 4.19 is what was recorded on 6.1.
            const bool recorded = profile.vendor == engine::Vendor::kMainline;
            if (!here || (!recorded && row->vendor != profile.vendor)) {
                continue;
            }
            INFO(config.profile << " " << config.hierarchy << ": " << row->name);
            CHECK((row->placement == Placement::kOnlyOnRoot ||
                   known.contains(std::string(row->name))));
            CHECK((row->placement == Placement::kNotOnRoot ||
                   known.contains("/" + std::string(row->name))));
        }
    }
}

/// All that was recorded from kernels of a configuration, as one text.
std::string recordings_of(const Config& config) {
    const std::string infix = fmt::format(".{}-{}.", config.profile, config.hierarchy);
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cases_directory())) {
        const std::string name = entry.path().filename();
        if (name.find(infix) == std::string::npos || name.ends_with(".actual")) {
            continue;
        }
        std::ifstream file(entry.path());
        const std::string text((std::istreambuf_iterator<char>(file)), {});
        if (text.starts_with("# provenance: recorded")) {
            all += text;
        }
    }
    return all;
}

/// The name stands there whole, and what the file says after it.
bool tells_of(const std::string& recordings, std::string_view name) {
    const auto part_of_name = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
    };
    for (std::size_t at = recordings.find(name); at != std::string::npos;
         at = recordings.find(name, at + 1)) {
        const char before = at == 0 ? ' ' : recordings[at - 1];
        const char after = recordings[std::min(at + name.size(), recordings.size() - 1)];
        if (!part_of_name(before) && !part_of_name(after) && (after == ':' || after == '\t')) {
            return true;
        }
    }
    return false;
}

TEST_CASE("what every file says was seen in a kernel", "[interface][grammar]") {
    for (const Config& config : kConfigs) {
        const engine::Profile& profile = *engine::find_profile(config.profile);
        if (profile.vendor != engine::Vendor::kMainline) {
            continue;
        }
        const std::string recordings = recordings_of(config);
        for (const FileDescription& file : describe_files(profile, config.layout)) {
            INFO(config.profile << " " << config.hierarchy << ": " << file.name);
            CHECK(tells_of(recordings, file.name));
        }
    }
}

}  // namespace
}  // namespace memcgfs::interface
