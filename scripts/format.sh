#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Formats the C++ sources with clang-format-19; with --check only tells which would change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=(-i)
[[ ${1:-} != --check ]] || mode=(--dry-run --Werror)
git ls-files -z '*.cc' '*.h' '*.hpp' | xargs -0 clang-format-19 "${mode[@]}"
