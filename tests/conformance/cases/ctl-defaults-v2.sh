# SPDX-License-Identifier: MIT
# NEEDS: v2 numa
# PROFILE: 6.1 6.12
#
# What a fresh group's files say, controller by controller.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
for one in cpuset cpu io memory hugetlb pids rdma misc; do echo "+$one" >cgroup.subtree_control; done
mkdir made
for one in cpuset cpu io hugetlb pids rdma misc; do
    section "$one"
    for file in made/"$one".*; do
        [[ $file == *.pressure ]] || say "$file"
    done
done
section 'at the root'
say cpuset.* misc.*
say io.cost.*
rmdir made
