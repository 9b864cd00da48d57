# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1
#
# Cache read once is inactive, read twice it is active.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
sparse_file f 16M
once t read "$TMP/f"
range 'inactive_file after one read' 15M 17M 'field t/memory.stat inactive_file'
range 'active_file' 0 1M 'field t/memory.stat active_file'
once t read "$TMP/f"
range 'active_file after two' 15M 17M 'field t/memory.stat active_file'
range 'inactive_file' 0 1M 'field t/memory.stat inactive_file'
((HIER == 1)) || range 'pgactivate' 3900 4200 'field t/memory.stat pgactivate'
