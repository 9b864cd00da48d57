# SPDX-License-Identifier: MIT
# NEEDS: v2 zswap
# PROFILE: 6.1 6.12
#
# memory.zswap.max, memory.swap.max and memory.max with compressed swap.
. "${CASE_LIB:-/case/lib.sh}"
start
stat_of() { field t/memory.stat "$1"; }
all_out() { for _ in 1 2 3 4; do echo 16M >t/memory.reclaim; done 2>/dev/null; }
section 'none: pages go to the disk'
mkdir t
run 'echo 0 > t/memory.zswap.max'
puppet p t
ask p 'anon 8M'
all_out
range 'in swap' 8M 9M 'cat t/memory.swap.current'
range 'compressed' 0 0 'stat_of zswapped'
fact 'stored' '(($(stat_of zswpout) > 0))'
ask p touch
run 'echo max > t/memory.zswap.max'
all_out
range 'compressed' 8M 9M 'stat_of zswapped'
finish p
becomes 'gone' 'rmdir t'
section 'of the parent'
mkdir t
echo +memory >t/cgroup.subtree_control
mkdir t/c
run 'echo 0 > t/memory.zswap.max'
puppet p t/c
ask p 'anon 8M'
all_out
range 'in swap' 8M 9M 'cat t/memory.swap.current'
range 'compressed' 0 0 'stat_of zswapped'
finish p
becomes 'gone' 'rmdir t/c t'
section 'four pages'
mkdir t
run 'echo 16K > t/memory.zswap.max'
puppet p t
ask p 'anon 8M'
all_out
range 'in swap' 8M 9M 'cat t/memory.swap.current'
becomes 'stored' '(($(stat_of zswpout) >= 1050))'
fact 'all are compressed' '(($(stat_of zswapped) >= 8 << 20))'
fact 'the limit is used up' 'n=$(<t/memory.zswap.current); ((n >= 13 << 10 && n <= 17 << 10))'
fact 'as many stored as with two rounds of second chances' '(($(stat_of zswpout) < 1190))'
fact 'and written back' 'n=$(stat_of zswpwb); ((n > 680 && n < 810))'
finish p
becomes 'gone' 'rmdir t'
section 'no swap, no compression'
mkdir t
run 'echo 0 > t/memory.swap.max'
puppet p t
ask p 'anon 8M'
all_out
range 'compressed' 0 0 'stat_of zswapped'
range 'anon' 8M 9M 'stat_of anon'
finish p
becomes 'gone' 'rmdir t'
section 'a limit of memory'
mkdir t
run 'echo 8M > t/memory.max'
puppet p t
ask p 'anon 16M'
range 'compressed' 8M 9M 'stat_of zswapped'
range 'memory' 7M 8196K 'usage t'
run 'grep -E "^oom" t/memory.events'
finish p
