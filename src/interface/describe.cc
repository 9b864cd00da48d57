// SPDX-License-Identifier: MIT
#include "memcgfs/interface/describe.h"

#include "memcgfs/base/text_buffer.h"
#include "memcgfs/interface/proc_file.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Layout;

bool layout_has(Layout layout, const Cftype& row) {
    switch (layout) {
        case Layout::kV1:
            return row.version == CgroupVersion::kV1;
        case Layout::kV2:
            return row.version == CgroupVersion::kV2;
        case Layout::kHybrid:
            return row.version == CgroupVersion::kV1 || !row.controller;
        case Layout::kNone:
            return true;
    }
    MEMCGFS_UNREACHABLE();
}

/// The profiles that have the file, e.g. "6.1, 6.12".
template <class Row>
std::string profiles_with(const Row& row) {
    std::string names;
    for (const engine::Profile& profile : engine::profiles()) {
        if (exists_in(row, profile)) {
            names += names.empty() ? "" : ", ";
            names += profile.name;
        }
    }
    return names;
}

void add_table(TextBuffer& page, CgroupVersion version) {
    page.append("| file | where | mode | profiles | fidelity | what |\n");
    page.append("|---|---|---|---|---|---|\n");
    for (const Cftype* row : all_files()) {
        if (row->version == version) {
            page.print("| {} | {} | {:04o} | {} | {} | {} |\n", row->name,
                       placement_name(row->placement), mode_of(*row), profiles_with(*row),
                       fidelity_name(row->fidelity), row->doc);
        }
    }
}

void add_proc_table(TextBuffer& page) {
    page.append("| file | mode | profiles | fidelity | what |\n");
    page.append("|---|---|---|---|---|\n");
    for (const ProcFile* row : all_proc_files()) {
        page.print("| {} | {:04o} | {} | {} | {} |\n", row->path, mode_of(*row),
                   profiles_with(*row), fidelity_name(row->fidelity), row->doc);
    }
}

constexpr std::string_view kIntroduction =
    "# Interface files\n"
    "\n"
    "Made from the tables in `src/interface`; do not edit. To renew it, run the test\n"
    "`interface` with `MEMCGFS_REGENERATE=1`.\n"
    "\n"
    "Fidelity:\n"
    "\n"
    "- **modelled**: reading and writing act as on the kernel.\n"
    "- **accounted**: shows and takes what the kernel does, without all that follows there.\n"
    "- **stored only**: checks and keeps its value; nothing follows from it.\n"
    "\n"
    "The order is the order of creation, which inode numbers follow. A file with two lines\n"
    "differs between kernels.\n";

}  // namespace

std::vector<FileDescription> describe_files(const engine::Profile& profile, Layout layout) {
    std::vector<FileDescription> descriptions;
    for (const Cftype* row : all_files()) {
        if (layout_has(layout, *row) && exists_in(*row, profile)) {
            descriptions.push_back({.name = row->name,
                                    .version = row->version,
                                    .placement = row->placement,
                                    .mode = mode_of(*row),
                                    .since = row->since,
                                    .fidelity = row->fidelity,
                                    .doc = row->doc});
        }
    }
    return descriptions;
}

std::vector<ProcFileDescription> describe_proc_files(const engine::Profile& profile) {
    std::vector<ProcFileDescription> descriptions;
    for (const ProcFile* row : all_proc_files()) {
        if (exists_in(*row, profile)) {
            descriptions.push_back({row->path, mode_of(*row), row->since, row->fidelity});
        }
    }
    return descriptions;
}

std::string_view fidelity_name(Fidelity fidelity) {
    switch (fidelity) {
        case Fidelity::kModelled:
            return "modelled";
        case Fidelity::kAccounted:
            return "accounted";
        case Fidelity::kStoredOnly:
            return "stored only";
    }
    MEMCGFS_UNREACHABLE();
}

std::string_view placement_name(Placement placement) {
    switch (placement) {
        case Placement::kEverywhere:
            return "everywhere";
        case Placement::kNotOnRoot:
            return "not on root";
        case Placement::kOnlyOnRoot:
            return "only on root";
    }
    MEMCGFS_UNREACHABLE();
}

std::string_view version_name(CgroupVersion version) {
    switch (version) {
        case CgroupVersion::kV1:
            return "v1";
        case CgroupVersion::kV2:
            return "v2";
    }
    MEMCGFS_UNREACHABLE();
}

std::string interface_files_page() {
    TextBuffer page;
    page.append(kIntroduction);
    page.append("\n## v1\n\n");
    add_table(page, CgroupVersion::kV1);
    page.append("\n## v2\n\n");
    add_table(page, CgroupVersion::kV2);
    page.append("\n## /proc and /sys\n\n");
    add_proc_table(page);
    return std::move(page).take();
}

}  // namespace memcgfs::interface
