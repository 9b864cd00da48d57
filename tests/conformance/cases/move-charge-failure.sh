# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# A move whose charges find no room fails, and nothing has moved.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
echo 3 >b/memory.move_charge_at_immigrate
echo 4M >b/memory.limit_in_bytes
puppet x a
ask x 'anon 8M'
pid=$(id_of x)
run "echo $pid > b/cgroup.procs" | sed "s/$pid/PID/"
range 'a' 8M 10M 'usage a'
range 'b' 0 512K 'usage b'
fact 'the process is where it was' "grep -q $pid a/cgroup.procs"
fact 'its limit was met' '(($(<b/memory.failcnt) > 0))'
fact 'nobody was killed' 'grep -q "oom_kill 0" b/memory.oom_control'
section 'reclaim makes room'
sparse_file f 16M
echo 12M >b/memory.limit_in_bytes
once b read "$TMP/f"
range 'b is full of cache' 10M 12M 'usage b'
run "echo $pid > b/cgroup.procs" | sed "s/$pid/PID/"
range 'a' 0 1M 'usage a'
range 'b' 8M 12M 'usage b'
section 'without a mask there is nothing to fail'
mkdir c
echo 1M >c/memory.limit_in_bytes
run "echo $pid > c/cgroup.procs" | sed "s/$pid/PID/"
range 'b keeps it' 8M 12M 'usage b'
finish x
