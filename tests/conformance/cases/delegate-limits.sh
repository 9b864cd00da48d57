# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# A chain of groups: which limits a deep group feels, and what the files above say.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b/c/d
for g in a a/b a/b/c; do echo +memory >$g/cgroup.subtree_control; done
echo 40M >a/memory.max
echo 30M >a/b/memory.high
echo 20M >a/b/c/memory.max
echo 4M >a/b/c/d/memory.low
run 'cat a/memory.max a/b/memory.high a/b/c/memory.max a/b/c/d/memory.low a/b/c/d/memory.max'
puppet p a/b/c/d
ask p 'anon 16M'
for g in a a/b a/b/c a/b/c/d; do range "$g" 16M 18M "usage $g"; done
run 'echo +memory > a/b/c/d/cgroup.subtree_control'
run 'echo -memory > a/b/c/cgroup.subtree_control; ls a/b/c/d/memory.max'
range 'what d had is now of c' 16M 18M 'usage a/b/c'
ask p 'anon 2M'
range 'c' 18M 20M 'usage a/b/c'
run 'echo +memory > a/b/c/cgroup.subtree_control; cat a/b/c/d/memory.max a/b/c/d/memory.low'
range 'd starts anew' 0 1M 'usage a/b/c/d'
finish p
range 'a' 0 1M 'usage a'
run 'rmdir a/b/c/d a/b/c a/b a'
