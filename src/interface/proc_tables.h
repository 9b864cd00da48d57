// SPDX-License-Identifier: MIT
//
// The tables of files in /proc and /sys; all_proc_files() joins them.
#pragma once

#include <span>

#include "memcgfs/interface/proc_file.h"

namespace memcgfs::interface {

std::span<const ProcFile> kmsg_proc_files();
std::span<const ProcFile> machine_proc_files();
std::span<const ProcFile> memory_block_files();
std::span<const ProcFile> pressure_proc_files();
std::span<const ProcFile> process_proc_files();
std::span<const ProcFile> system_proc_files();
std::span<const ProcFile> vm_proc_files();

}  // namespace memcgfs::interface
