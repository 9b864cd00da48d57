// SPDX-License-Identifier: MIT
// Sizes and orders as recorded on 6.1 and 6.12.
#include "fs_fixture.h"
#include "memcgfs/interface/machine_files.h"

namespace memcgfs::interface {
namespace {

std::string keys(const std::string& text) {
    std::string names;
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = text.find('\n', start);
        const std::string line = text.substr(start, end - start);
        names += names.empty() ? "" : " ";
        names += line.substr(0, line.find_first_of(" ="));
        start = end + 1;
    }
    return names;
}

TEST_CASE("v1 memory.stat of 6.1", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const std::string text = machine.read(group, "memory.stat");
    CHECK(text.size() == 689);
    const std::string list =
        "cache rss rss_huge shmem mapped_file dirty writeback workingset_refault_anon "
        "workingset_refault_file swap pgpgin pgpgout pgfault pgmajfault inactive_anon "
        "active_anon inactive_file active_file unevictable";
    std::string total = "total_";
    for (const char c : list) {
        total += c;
        total += c == ' ' ? "total_" : "";
    }
    CHECK(keys(text) == list + " hierarchical_memory_limit hierarchical_memsw_limit " + total);
    CHECK(text.find("hierarchical_memory_limit 9223372036854771712\n") != std::string::npos);
}

TEST_CASE("v1 memory.stat: own numbers, totals and the least limit", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey parent = machine.mkdir(machine.top, "p");
    const DirKey child = machine.mkdir(parent, "c");
    REQUIRE(machine.write(parent, "memory.limit_in_bytes", "64M") == kOk);
    REQUIRE(machine.anon(machine.add_task(machine.group(child)), 16).ok());
    const std::string below = machine.read(child, "memory.stat");
    CHECK(below.find("\nrss 65536\n") != std::string::npos);
    CHECK(below.find("hierarchical_memory_limit 67108864\n") != std::string::npos);
    const std::string above = machine.read(parent, "memory.stat");
    CHECK(above.find("\nrss 0\n") != std::string::npos);
    CHECK(above.find("\ntotal_rss 65536\n") != std::string::npos);
    CHECK(above.find("\ntotal_pgpgin 16\n") != std::string::npos);
}

TEST_CASE("v1 memory.stat of older kernels", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    const std::string text = machine.read(machine.mkdir(machine.top, "t"), "memory.stat");
    CHECK(keys(text).starts_with(
        "cache rss rss_huge shmem mapped_file dirty writeback swap pgpgin pgpgout"));
}

TEST_CASE("v1 memory.numa_stat counts pages on one node", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const DirKey child = machine.mkdir(group, "c");
    CHECK(machine.read(group, "memory.numa_stat") ==
          "total=0 N0=0\nfile=0 N0=0\nanon=0 N0=0\nunevictable=0 N0=0\n"
          "hierarchical_total=0 N0=0\nhierarchical_file=0 N0=0\nhierarchical_anon=0 N0=0\n"
          "hierarchical_unevictable=0 N0=0\n");
    REQUIRE(machine.anon(machine.add_task(machine.group(child)), 3).ok());
    const std::string text = machine.read(group, "memory.numa_stat");
    CHECK(text.starts_with("total=0 N0=0\n"));
    CHECK(text.find("hierarchical_anon=3 N0=3\n") != std::string::npos);
}

TEST_CASE("v2 memory.stat of 6.1", "[interface]") {
    FsFixture machine("6.1", Layout::kV2);
    const std::string text = machine.read(machine.mkdir_memory(machine.top, "t"), "memory.stat");
    CHECK(text.size() == 748);
    CHECK(line_count(text) == 51);
    CHECK(keys(text) ==
          "anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap "
          "zswapped file_mapped file_dirty file_writeback swapcached anon_thp file_thp shmem_thp "
          "inactive_anon active_anon inactive_file active_file unevictable slab_reclaimable "
          "slab_unreclaimable slab workingset_refault_anon workingset_refault_file "
          "workingset_activate_anon workingset_activate_file workingset_restore_anon "
          "workingset_restore_file workingset_nodereclaim pgscan pgsteal pgscan_kswapd "
          "pgscan_direct pgsteal_kswapd pgsteal_direct pgfault pgmajfault pgrefill pgactivate "
          "pgdeactivate pglazyfree pglazyfreed zswpin zswpout thp_fault_alloc "
          "thp_collapse_alloc");
}

TEST_CASE("v2 memory.stat of 6.12", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const std::string text = machine.read(machine.mkdir_memory(machine.top, "t"), "memory.stat");
    CHECK(text.size() == 998);
    CHECK(line_count(text) == 65);
    const std::string names = keys(text);
    CHECK(names.substr(names.find("workingset_nodereclaim")) ==
          "workingset_nodereclaim pgdemote_kswapd pgdemote_direct pgdemote_khugepaged "
          "pgpromote_success pgscan pgsteal pgscan_kswapd pgscan_direct pgscan_khugepaged "
          "pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgfault pgmajfault pgrefill "
          "pgactivate pgdeactivate pglazyfree pglazyfreed swpin_zero swpout_zero zswpin zswpout "
          "zswpwb thp_fault_alloc thp_collapse_alloc thp_swpout thp_swpout_fallback "
          "numa_pages_migrated numa_pte_updates numa_hint_faults");
}

TEST_CASE("v2 memory.stat of 4.19 and 5.10", "[interface]") {
    FsFixture oldest("alinux2", Layout::kV2);
    CHECK(keys(oldest.read(oldest.mkdir_memory(oldest.top, "t"), "memory.stat")) ==
          "anon file kernel_stack slab sock shmem file_mapped file_dirty file_writeback "
          "inactive_anon active_anon inactive_file active_file unevictable slab_reclaimable "
          "slab_unreclaimable pgfault pgmajfault pgrefill pgscan pgsteal pgactivate pgdeactivate "
          "pglazyfree pglazyfreed workingset_refault workingset_activate workingset_nodereclaim");

    FsFixture older("5.10", Layout::kV2);
    CHECK(keys(older.read(older.mkdir_memory(older.top, "t"), "memory.stat")) ==
          "anon file kernel_stack percpu sock shmem file_mapped file_dirty file_writeback "
          "anon_thp inactive_anon active_anon inactive_file active_file unevictable "
          "slab_reclaimable slab_unreclaimable slab workingset_refault_anon "
          "workingset_refault_file workingset_activate_anon workingset_activate_file "
          "workingset_restore_anon workingset_restore_file workingset_nodereclaim pgfault "
          "pgmajfault pgrefill pgscan pgsteal pgactivate pgdeactivate pglazyfree pglazyfreed "
          "thp_fault_alloc thp_collapse_alloc");
}

TEST_CASE("v2 memory.stat is of the whole subtree, in bytes where it counts pages", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey parent = machine.mkdir_memory(machine.top, "p");
    const DirKey child = machine.mkdir_memory(parent, "c");
    REQUIRE(machine.anon(machine.add_task(machine.group(child)), 16).ok());
    const std::string text = machine.read(parent, "memory.stat");
    CHECK(text.starts_with("anon 65536\n"));
    CHECK(text.find("\npgfault 16\n") != std::string::npos);
    CHECK(machine.read(parent, "memory.numa_stat").starts_with("anon N0=65536\n"));
}

TEST_CASE("v2 memory.numa_stat has the lines that nodes have", "[interface]") {
    FsFixture machine("6.1", Layout::kV2);
    const std::string text =
        machine.read(machine.mkdir_memory(machine.top, "t"), "memory.numa_stat");
    CHECK(line_count(text) == 27);
    CHECK(keys(text).ends_with("workingset_nodereclaim"));
    CHECK(keys(text).starts_with("anon file kernel_stack pagetables sec_pagetables shmem file_m"));

    FsFixture newer("6.12", Layout::kV2);
    const std::string more = newer.read(newer.mkdir_memory(newer.top, "t"), "memory.numa_stat");
    CHECK(line_count(more) == 31);
}

TEST_CASE("compressed swap is in the files that tell of it", "[interface]") {
    engine::Machine shape;
    shape.swap = test::mib(64);
    shape.zswap = {.enabled = true, .page_bytes = 2213};
    FsFixture machine("6.12", Layout::kV2, {}, shape);
    REQUIRE(machine.write(machine.top, "cgroup.subtree_control", "+memory") == kOk);
    const DirKey group = machine.mkdir(machine.top, "t");
    const engine::TaskId task = machine.add_task(machine.group(group));
    REQUIRE(machine.anon(task, 1024).ok());
    REQUIRE(machine.run(machine.engine.pageout(task)).ok());
    const std::string stat = machine.read(group, "memory.stat");
    for (const auto* line :
         {"\nkernel 2269184\n", "\nzswap 2266112\n", "\nzswapped 4194304\n", "\nzswpin 0\n",
          "\nzswpout 1024\n", "\nzswpwb 0\n", "\nswpout_zero 0\n"}) {
        CAPTURE(line);
        CHECK(stat.find(line) != std::string::npos);
    }
    CHECK(machine.read(group, "memory.zswap.current") == "2266112\n");
    CHECK(machine.read(group, "memory.swap.current") == "4194304\n");
    const engine::MachineStat numbers = machine.engine.machine_stat();
    const MachineView view{machine.engine.profile(), numbers};
    TextBuffer meminfo;
    show_machine_file(view, "/proc/meminfo", meminfo);
    CHECK(meminfo.view().find("\nZswap:              2224 kB\nZswapped:           4096 kB\n") !=
          std::string::npos);
    TextBuffer vmstat;
    show_machine_file(view, "/proc/vmstat", vmstat);
    CHECK(vmstat.view().find("\nzswpin 0\nzswpout 1024\nzswpwb 0\n") != std::string::npos);
}

}  // namespace
}  // namespace memcgfs::interface
