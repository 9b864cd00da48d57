// SPDX-License-Identifier: MIT
//
// Precompiled for this folder, whose many small files all read the same headers.
// Files still include what they use.
#include "interface/services.h"
