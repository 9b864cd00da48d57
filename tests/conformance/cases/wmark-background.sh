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
# One file each: cached pages stay with the group that read them first.
sparse_file one 384M
sparse_file other 384M
hits() { if ((HIER == 1)); then cat "$1/memory.failcnt"; else field "$1/memory.events" max; fi; }
for g in on off; do limit $g 256M; done
echo 80 >on/memory.wmark_ratio
high=$(<on/memory.wmark_high) low=$(<on/memory.wmark_low)
section 'with wmark_ratio 80'
once on read "$TMP/one"
# A stream ends somewhere between the marks; a little more crosses the upper one again.
falls() {
    local i
    for i in {1..60}; do
        (($(usage on) < low)) && return
        sparse_file "piece$i" 64K
        once on read "$TMP/piece$i" >/dev/null
    done
    return 1
}
fact 'usage falls below wmark_low' falls
fact 'but not far' '(($(usage on) > low - (8 << 20)))'
((HIER == 2)) || fact 'it had been at wmark_high' '(($(cat on/memory.max_usage_in_bytes) >= high))'
fact 'no direct reclaim' '(($(hits on) == 0))'
section 'with wmark_ratio 0'
once off read "$TMP/other"
fact 'usage is near the limit' '(($(usage off) > (240 << 20)))'
fact 'direct reclaim' '(($(hits off) > 0))'
section 'a ratio set on a full group starts it at once'
echo 50 >off/memory.wmark_ratio
becomes 'usage falls below wmark_low' '(($(usage off) < $(cat off/memory.wmark_low)))'
section 'the factor alone does not'
now=$(usage off)
echo 40 >off/memory.wmark_scale_factor
fact 'usage stays' '(($(usage off) == now))'
