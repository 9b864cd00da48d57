# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.min never gives way to reclaim from above, but does to its own.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b a/c
echo 8M >a/memory.min
echo 8M >a/b/memory.min
sparse_file f 8M
sparse_file g 16M
once a/b read "$TMP/f"
once a/c read "$TMP/g"
errno_of one_write a/memory.reclaim 64M
range 'b keeps' 7M 9M 'usage a/b'
range 'c gave all' 0 1M 'usage a/c'
run 'grep low a/memory.events a/b/memory.events'
section 'what is asked of the group itself'
errno_of one_write a/b/memory.reclaim 64M
fact 'b gave all' '(($(usage a/b) < 1 << 20))'
section 'min of the parent alone protects nobody below from it'
echo 0 >a/b/memory.min
once a/b read "$TMP/f"
errno_of one_write a/memory.reclaim 64M
range 'b' 0 1M 'usage a/b'
