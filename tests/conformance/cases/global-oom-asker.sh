# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap run
# PROFILE: 6.1 6.12
# TIMEOUT: 60
#
# vm.oom_kill_allocating_task: who asks when the machine is full is killed, unless it is spared.
. "${CASE_LIB:-/case/lib.sh}"
start
switch=/proc/sys/vm/oom_kill_allocating_task
run "cat $switch; echo 1 >$switch; cat $switch"
kills() { grep '^oom' "$1/memory.events"; }
mkdir big small
puppet big big
puppet small small
ask big 'anon 600M'
ask small 'anon 500M'
gone small
run 'kills big; kills small'
range 'big' 600M 603M 'usage big'
fact 'the kernel says why' \
    'dmesg | grep -q "Out of memory (oom_kill_allocating_task): Killed process"'
section 'a limit asks for the largest all the same'
mkdir limited limited/a limited/b
echo +memory >limited/cgroup.subtree_control
echo 60M >limited/memory.max
puppet large limited/a
puppet asker limited/b
ask large 'anon 40M'
ask asker 'anon 30M'
gone large
run 'kills limited/a; kills limited/b'
finish asker
section 'who is spared is not killed for asking'
memhog -s -a -1000 -j "$CG/small/cgroup.procs" anon 500M
echo "[status $?]"
gone big
run 'kills big; kills small'
echo 0 >$switch
