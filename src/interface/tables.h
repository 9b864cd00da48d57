// SPDX-License-Identifier: MIT
//
// The tables of files, each in creation order; all_files() joins them.
#pragma once

#include <span>

#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

std::span<const Cftype> v1_core_files();
std::span<const Cftype> v1_memory_files();
std::span<const Cftype> alibaba_v1_files();
std::span<const Cftype> v2_core_files();
std::span<const Cftype> v2_memory_files();
std::span<const Cftype> alibaba_v2_files();

}  // namespace memcgfs::interface
