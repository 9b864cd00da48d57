# SPDX-License-Identifier: MIT
# NEEDS: v1 numa
# PROFILE: 6.1
#
# What a fresh group's files say, controller by controller.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/.."
for tree in cpu,cpuacct cpuset freezer pids devices blkio net_cls,net_prio hugetlb rdma misc; do
    mkdir "$tree/made"
    section "$tree"
    for file in "$tree"/made/*; do
        case $file in */prioidx | *cgroup.* | *tasks | *ifpriomap) continue ;; esac
        say "$file"
    done
    rmdir "$tree/made"
done
section 'at the root'
for tree in cpu,cpuacct cpuset devices hugetlb misc; do
    for file in "$tree"/{cpu.[cis]*,cpuset.*,devices.*,hugetlb.*,misc.*}; do
        [[ ! -f $file || $file == *cpuset.memory_pressure ]] || say "$file"
    done
done
