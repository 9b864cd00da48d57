// SPDX-License-Identifier: MIT
//
// The only header that names Catch2. Keep to macros that 2.13 and 3.x both have.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
