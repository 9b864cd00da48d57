# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.events counts the subtree, memory.events.local the group, cgroup.events who lives there.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b
echo +memory >a/cgroup.subtree_control
mkdir a/b/c 2>/dev/null
echo +memory >a/b/cgroup.subtree_control
run 'cat a/b/c/memory.events'
echo 8M >a/b/memory.max
once a/b/c anon 16M
for g in a a/b a/b/c; do
    for f in memory.events memory.events.local; do
        echo "$g/$f: max $(($(field $g/$f max) > 0)), oom $(($(field $g/$f oom) > 0)), oom_kill $(field $g/$f oom_kill)"
    done
done
section 'populated'
run 'cat a/cgroup.events'
puppet p a/b/c
run 'grep populated a/cgroup.events a/b/cgroup.events a/b/c/cgroup.events'
finish p
becomes 'unpopulated' 'grep -q "populated 0" a/cgroup.events'
section 'high'
echo max >a/b/memory.max
echo 4M >a/b/c/memory.high
sparse_file f 16M
once a/b/c read "$TMP/f"
fact 'high is counted' '(($(field a/memory.events high) > 0))'
fact 'max was not, in c' '(($(field a/b/c/memory.events max) == 0))'
range 'held near high' 0 6M 'usage a/b/c'
