# SPDX-License-Identifier: MIT
# NEEDS: v2 root
# PROFILE: 6.1
#
# memory.peak only reads in 6.1.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'cat t/memory.peak'
once t anon 12M
range 'peak' 12M 14M 'cat t/memory.peak'
once t anon 4M
range 'peak' 12M 14M 'cat t/memory.peak'
range 'usage' 0 2M 'usage t'
run 'echo 0 > t/memory.peak'
run 'ls t/memory.swap.peak memory.peak'
mkdir t/c
run 'ls t/c/memory.peak'
