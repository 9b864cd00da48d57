# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Depth and descendants are counted from every ancestor; a lower limit than there are groups is kept.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b
echo 1 >a/cgroup.max.depth
run 'mkdir a/c; ls -d a/*/'
run 'mkdir a/b/x'
echo 2 >a/cgroup.max.depth
run 'mkdir a/b/x a/b/x/y'
echo 0 >a/cgroup.max.depth
run 'mkdir a/d'
run 'cat a/b/cgroup.max.depth; mkdir a/b/z'
echo max >a/cgroup.max.depth
section 'descendants'
run 'cat a/cgroup.stat | head -2'
echo 3 >a/cgroup.max.descendants
run 'mkdir a/e'
echo 4 >a/cgroup.max.descendants
run 'mkdir a/e a/f'
run 'mkdir a/b/x/deep'
echo 1 >a/cgroup.max.descendants
run 'cat a/cgroup.max.descendants; rmdir a/e; mkdir a/e'
run 'grep nr_descendants a/cgroup.stat a/b/cgroup.stat a/b/x/cgroup.stat'
section 'an inner limit does not matter to a neighbour'
echo 0 >a/c/cgroup.max.descendants
echo max >a/cgroup.max.descendants
run 'mkdir a/c/x'
run 'mkdir a/e'
run 'rmdir a/b/x a/b a/c a/e a'
