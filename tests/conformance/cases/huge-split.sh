# SPDX-License-Identifier: MIT
# NEEDS: v2 ssd
# PROFILE: 6.1 6.12
#
# A huge page that memory.swap.max refuses is split; then it refuses the small ones one by one.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 1M > t/memory.swap.max'
puppet p t
ask p 'huge 8M'
ask p 'pageout'
run 'cat t/memory.swap.current'
# The huge pages, 3 or 4, and 7M of small ones.
range 'refused' 1795 1796 'field t/memory.swap.events max'
fact 'as many fail events' '(($(field t/memory.swap.events max) == $(field t/memory.swap.events fail)))'
run 'grep -E "^(anon_thp|thp_swpout|thp_swpout_fallback) " t/memory.stat'
finish p
