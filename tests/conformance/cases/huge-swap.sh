# SPDX-License-Identifier: MIT
# NEEDS: v2 ssd
# PROFILE: 6.1 6.12
#
# A huge page goes to swap whole and comes back in small ones.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'huge 8M'
ask p 'pageout'
range 'in swap' 8M 8200K 'cat t/memory.swap.current'
errno_of one_write t/memory.reclaim 8M >/dev/null
range 'usage' 0 2M 'usage t'
run 'grep -E "^(anon_thp|thp_fault_alloc|thp_swpout|thp_swpout_fallback) " t/memory.stat'
run 'cat t/memory.swap.events'
ask p peek
range 'anon' 8M 9M 'field t/memory.stat anon'
run 'grep -E "^(anon_thp|thp_fault_alloc|thp_swpout|thp_swpout_fallback) " t/memory.stat'
finish p
