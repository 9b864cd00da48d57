# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Controllers that know threads are handed out beside members of the group's own, others are not.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
for one in cpuset cpu io memory hugetlb pids rdma misc; do echo "+$one" >cgroup.subtree_control; done
mkdir -p t/u
sleep 1000 &
one=$!
echo "$one" >t/cgroup.procs
for c in cpuset cpu io memory hugetlb pids rdma misc perf_event; do
    echo "$c: $(errno_of one_write t/cgroup.subtree_control "+$c")"
    say t/cgroup.subtree_control t/cgroup.type t/u/cgroup.type
done
say t/u/cgroup.controllers
run 'echo '"$one"' >t/u/cgroup.procs' | sed "s/$one/ONE/"
kill "$one"
# The member takes its time to go: t alone may be left after the first try.
becomes 'empty' 'rmdir t/u t; [ ! -d t ]'
