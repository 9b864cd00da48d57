// SPDX-License-Identifier: MIT
//
// Precompiled for the test executables: the test framework is most of what they have to read.
// Files still include what they use.
#include "../catch.hpp"
