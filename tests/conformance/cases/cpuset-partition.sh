# SPDX-License-Identifier: MIT
# NEEDS: v2 numa
# PROFILE: 6.1 6.12
#
# cpuset.cpus.partition: who becomes the root of a partition, and what its parent is left with.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
echo +cpuset >cgroup.subtree_control
mkdir a b
show() { say cpuset.cpus.effective a/cpuset.cpus.effective a/cpuset.cpus.partition b/cpuset.cpus.effective; }
for v in root isolated member nosuch '' ' root ' 1 Root; do put a/cpuset.cpus.partition "$v"; done
put a/cpuset.cpus.partition member
put a/cpuset.cpus 2-3
put a/cpuset.cpus.partition root
show
put a/cpuset.cpus 3
show
put a/cpuset.cpus 1-3
show
put b/cpuset.cpus 0
put b/cpuset.cpus 0-1
show
put a/cpuset.cpus.partition isolated
show
put a/cpuset.cpus.partition member
show
put a/cpuset.cpus 0-3
put a/cpuset.cpus.partition root
show
put a/cpuset.cpus.partition member
rmdir a b
