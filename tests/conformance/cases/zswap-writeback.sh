# SPDX-License-Identifier: MIT
# NEEDS: v2 zswap
# PROFILE: 6.12
#
# memory.zswap.writeback: what compressed swap refuses may not go to the disk, and waits in the swap cache.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo +memory >t/cgroup.subtree_control
run 'echo 0 > t/memory.zswap.writeback'
mkdir t/c
say t/c/memory.zswap.writeback
echo 0 >t/c/memory.zswap.max
stat_of() { field t/c/memory.stat "$1"; }
all_out() { for _ in 1 2 3 4; do echo 16M >t/c/memory.reclaim; done 2>/dev/null; }
puppet p t/c
ask p 'anon 8M'
all_out
range 'in swap' 8M 9M 'cat t/c/memory.swap.current'
range 'swapcached' 8M 9M 'stat_of swapcached'
range 'anon' 0 64K 'stat_of anon'
range 'memory' 8M 9M 'usage t/c'
ask p peek
range 'anon' 8M 9M 'stat_of anon'
run 'grep pgmajfault t/c/memory.stat'
range 'swapcached' 8M 9M 'stat_of swapcached'
ask p pageout
range 'anon' 0 64K 'stat_of anon'
ask p touch
range 'in swap' 0 512K 'cat t/c/memory.swap.current'
range 'anon' 8M 9M 'stat_of anon'
section 'allowed again'
run 'echo 1 > t/memory.zswap.writeback'
all_out
range 'in swap' 8M 9M 'cat t/c/memory.swap.current'
range 'memory' 0 1M 'usage t/c'
finish p
