# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# The files of all controllers at the root and below, in which order and with which modes.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
cat cgroup.controllers
for one in cpuset cpu io memory hugetlb pids rdma misc; do echo "+$one" >cgroup.subtree_control; done
mkdir made
for at in . made; do
    section "$at"
    find "$at" -maxdepth 1 -type f -printf '%i %m %f\n' | sort -n | cut -d' ' -f2- | grep -Ev '^... (memory|cgroup)\.'
done
section 'they go and come one by one'
for one in cpuset cpu io hugetlb pids rdma misc; do
    run "echo -$one >cgroup.subtree_control; ls made | grep -c '^$one\.'"
    run "cat made/cgroup.controllers"
done
run 'echo "+pids +cpu" >cgroup.subtree_control; cat made/cgroup.controllers; ls made | grep -E "^(pids|cpu)\.m"'
rmdir made
