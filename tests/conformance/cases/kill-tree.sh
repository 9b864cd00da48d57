# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# cgroup.kill ends every process of the group and below, and no other.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b other
echo +memory >a/cgroup.subtree_control
mkdir a/c
puppet p a/b
puppet q a/c
puppet r other
ask p 'anon 4M'
ask q 'anon 4M'
run 'echo 1 > a/b/cgroup.kill'
gone p
becomes 'b is empty' '[[ $(<a/b/cgroup.events) == *"populated 0"* ]]'
ask q touch
run 'echo 1 > a/cgroup.kill'
gone q
becomes 'a is empty' '[[ $(<a/cgroup.events) == *"populated 0"* ]]'
ask r 'anon 1M'
run 'echo 1 > a/cgroup.kill'
run 'grep -h oom_kill a/memory.events a/c/memory.events'
becomes 'the memory has gone' '(($(usage a) < 1048576))'
finish r
run 'rmdir a/b a/c a other'
