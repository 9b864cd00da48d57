# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# A removed group that still has cache counts on, nameless, until the cache is gone.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p/c
echo +memory >p/cgroup.subtree_control
dying() { field "$1/cgroup.stat" nr_dying_descendants; }
sparse_file f 8M
once p/c read "$TMP/f"
range 'the parent counts it' 8M 10M 'usage p'
run 'rmdir p/c'
becomes 'dying' '(($(dying p) == 1))'
run 'grep nr_descendants p/cgroup.stat'
range 'the parent still counts it' 8M 10M 'usage p'
range 'as cache' 8M 8M 'field p/memory.stat file'
section 'the same name is another group'
run 'mkdir p/c'
range 'empty' 0 1M 'usage p/c'
once p/c read "$TMP/f"
range 'reading it again charges nobody' 0 1M 'usage p/c'
run 'grep nr_descendants p/cgroup.stat'
section 'reclaim frees it'
run 'echo 16M > p/memory.reclaim'
range 'nothing left' 0 1M 'usage p'
becomes 'dead' '(($(dying p) == 0))'
section 'so does deleting the file'
once p/c read "$TMP/f"
rmdir p/c
becomes 'dying' '(($(dying p) == 1))'
rm "$TMP/f"
range 'nothing left' 0 1M 'usage p'
becomes 'dead' '(($(dying p) == 0))'
section 'an empty one goes at once'
mkdir p/d
rmdir p/d
becomes 'dead' '(($(dying p) == 0))'
