# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
# TIMEOUT: 90
#
# Swap slots move with their process; while it moves, the new group must have room for all of it.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
echo 1 >a/memory.move_charge_at_immigrate
echo 1 >b/memory.move_charge_at_immigrate
puppet x a
ask x 'anon 16M'
run 'echo 4M > a/memory.limit_in_bytes'
range 'swap of a' 11M 17M 'field a/memory.stat swap'
pid=$(id_of x)
echo "$pid" >b/cgroup.procs
range 'memory and swap of a' 0 1M 'cat a/memory.memsw.usage_in_bytes'
range 'memory and swap of b' 16M 17M 'cat b/memory.memsw.usage_in_bytes'
range 'memory of b' 3M 5M 'usage b'
range 'swap of a now' 0 1M 'field a/memory.stat swap'
range 'swap of b' 11M 17M 'field b/memory.stat swap'
section 'back, where memory alone would not hold it'
run "echo $pid > a/cgroup.procs" | sed "s/$pid/PID/"
range 'memory and swap of b' 16M 17M 'cat b/memory.memsw.usage_in_bytes'
range 'memory of b' 3M 5M 'usage b'
section 'and where it does'
echo 32M >a/memory.limit_in_bytes
run "echo $pid > a/cgroup.procs" | sed "s/$pid/PID/"
range 'memory and swap of a' 16M 17M 'cat a/memory.memsw.usage_in_bytes'
range 'memory and swap of b' 0 1M 'cat b/memory.memsw.usage_in_bytes'
ask x touch
range 'memory of a' 16M 17M 'usage a'
finish x
range 'all gone' 0 1M 'cat a/memory.memsw.usage_in_bytes'
