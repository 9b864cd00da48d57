# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap root
# PROFILE: 6.1 6.12
#
# memory.oom.group of an ancestor below the limit that was hit kills that whole subtree.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b a/x
echo +memory >a/b/cgroup.subtree_control
mkdir a/b/c a/b/d
echo 24M >a/memory.max
echo 1 >a/b/memory.oom.group
puppet big a/b/c
puppet small a/b/d
puppet other a/x
ask big 'anon 12M'
ask small 'anon 2M'
ask other 'anon 2M'
ask other 'anon 12M'
gone big
gone small
ask other touch
run 'grep -E "^oom" a/memory.events'
run 'grep -E "^oom" a/b/memory.events'
run 'grep -E "^oom" a/b/memory.events.local'
run 'grep -E "^oom" a/b/c/memory.events'
run 'grep -E "^oom" a/b/d/memory.events'
run 'grep -E "^oom" a/x/memory.events'
finish other
section 'oom_score_adj -1000 is spared'
echo 16M >a/b/memory.max
puppet small a/b/d
memhog -s -a -1000 -j "$CG/a/b/c/cgroup.procs" sleep 1500 anon 1M &
safe=$!
once a/b/d anon 20M
gone small
wait $safe
echo "[status $?]"
run 'grep -E "^oom" a/b/memory.events'
