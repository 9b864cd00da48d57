# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Pages come back from a disk eight at a time; private ones keep their slots when they are read, shared ones do not.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
stat_of() { field t/memory.stat "$1"; }
all_out() { for _ in 1 2 3 4; do echo 16M >t/memory.reclaim; done 2>/dev/null; }
puppet p t
ask p 'anon 16M'
all_out
range 'in swap' 16M 17M 'cat t/memory.swap.current'
range 'swapcached' 0 64K 'stat_of swapcached'
ask p peek
range 'in swap' 16M 17M 'cat t/memory.swap.current'
range 'swapcached' 16M 17M 'stat_of swapcached'
range 'major faults' 512 530 'stat_of pgmajfault'
fact 'refaults of all pages' '(($(stat_of workingset_refault_anon) >= 4096))'
all_out
range 'swapcached' 0 64K 'stat_of swapcached'
ask p touch
range 'in swap' 0 1M 'cat t/memory.swap.current'
range 'major faults' 1024 1060 'stat_of pgmajfault'
ask p free
ask p 'shm 16M'
all_out
range 'in swap' 16M 18M 'cat t/memory.swap.current'
ask p peek
range 'in swap' 0 1M 'cat t/memory.swap.current'
range 'shmem' 16M 16M 'stat_of shmem'
range 'major faults' 1536 1590 'stat_of pgmajfault'
finish p
