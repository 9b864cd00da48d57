# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.low keeps a group's cache while its neighbour has some to give.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b a/c
echo 16M >a/b/memory.low
echo 64M >a/memory.max
sparse_file f 16M
sparse_file g 128M
once a/b read "$TMP/f"
once a/c read "$TMP/g"
range 'b keeps' 14M 18M 'usage a/b'
range 'c gave' 32M 50M 'usage a/c'
run 'grep -h "^low" a/memory.events a/b/memory.events a/c/memory.events'
section 'reclaim of the parent by hand'
run 'echo 40M > a/memory.reclaim'
range 'b still keeps' 14M 18M 'usage a/b'
section 'when nothing else is left, low gives way and is counted'
errno_of one_write a/memory.reclaim 64M
range 'b' 0 2M 'usage a/b'
fact 'low events of b' '(($(field a/b/memory.events low) > 0))'
fact 'and of a' '(($(field a/memory.events low) > 0))'
run 'grep low a/c/memory.events'
