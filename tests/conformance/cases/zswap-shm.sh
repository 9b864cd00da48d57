# SPDX-License-Identifier: MIT
# NEEDS: v2 zswap
# PROFILE: 6.1 6.12
#
# Compressed shared memory of a removed group is its parent's, and goes with the file.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo +memory >t/cgroup.subtree_control
mkdir t/c t/d
f=/dev/shm/case.$$
trap 'rm -f $f' EXIT
memhog -s -j "$CG/t/c/cgroup.procs" write $f 8M | sed 's/case.[0-9]*/FILE/'
for _ in 1 2 3 4; do echo 16M >t/c/memory.reclaim; done 2>/dev/null
range 'compressed' 8M 9M 'field t/c/memory.stat zswapped'
range 'in swap' 8M 9M 'cat t/c/memory.swap.current'
run 'rmdir t/c'
range 'compressed, of the parent' 8M 9M 'field t/memory.stat zswapped'
becomes 'and paid by it' '(($(<t/memory.zswap.current) == $(field t/memory.stat zswap)))'
range 'in swap' 8M 9M 'cat t/memory.swap.current'
fact 'the child is dying' '(($(field t/cgroup.stat nr_dying_descendants) == 1))'
memhog -s -j "$CG/t/d/cgroup.procs" read $f | sed 's/case.[0-9]*/FILE/'
range 'compressed' 0 512K 'field t/memory.stat zswapped'
range 'in swap' 0 512K 'cat t/memory.swap.current'
rm $f
range 'memory' 0 1M 'usage t'
