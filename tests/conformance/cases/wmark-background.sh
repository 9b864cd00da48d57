# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: alinux2
# TIMEOUT: 120
#
# Past wmark_high the group is reclaimed in the background to below wmark_low, and the task that
# filled it never reclaims itself; with ratio 0 the same load does reclaim for itself.
. "${CASE_LIB:-/case/lib.sh}"
start
needs_wmark
mkdir on off
sparse_file big 384M
hits() { if ((HIER == 1)); then cat "$1/memory.failcnt"; else field "$1/memory.events" max; fi; }
for g in on off; do limit $g 256M; done
echo 80 >on/memory.wmark_ratio
high=$(<on/memory.wmark_high) low=$(<on/memory.wmark_low)
section 'with wmark_ratio 80'
once on read "$TMP/big"
becomes 'usage is below wmark_low' '(($(usage on) < low))'
fact 'but not far' '(($(usage on) > low - (8 << 20)))'
((HIER == 2)) || fact 'it had been at wmark_high' '(($(cat on/memory.max_usage_in_bytes) >= high))'
fact 'no direct reclaim' '(($(hits on) == 0))'
section 'with wmark_ratio 0'
once off read "$TMP/big"
fact 'usage is near the limit' '(($(usage off) > (240 << 20)))'
fact 'direct reclaim' '(($(hits off) > 0))'
section 'a ratio set on a full group starts it at once'
echo 50 >off/memory.wmark_ratio
becomes 'usage is below wmark_low' '(($(usage off) < $(cat off/memory.wmark_low)))'
section 'the factor alone does not'
now=$(usage off)
echo 40 >off/memory.wmark_scale_factor
fact 'usage stays' '(($(usage off) == now))'
