# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap root
# PROFILE: 6.1 6.12
#
# Writing memory.max below what can be freed kills until it fits or nobody is left to kill.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p t/a t/b
echo +memory >t/cgroup.subtree_control
puppet x t/a
puppet_adj=-1000 puppet z t/b
ask x 'anon 16M'
ask z 'anon 14M'
run 'echo 20M > t/memory.max'
gone x
run 'grep oom_kill t/memory.events t/a/memory.events t/b/memory.events'
puppet y t/b
ask y 'anon 1M'
run 'echo 2M > t/memory.max'
gone y
run 'grep oom_kill t/memory.events t/a/memory.events t/b/memory.events'
run 'cat t/memory.max'
range 'the spared one keeps its memory' 14M 16M 'usage t'
fact 'the group with the limit has the oom' '(($(field t/memory.events.local oom) > 1))'
fact 'not the one with the process' '(($(field t/b/memory.events oom) == 0))'
echo max >t/memory.max
finish z
