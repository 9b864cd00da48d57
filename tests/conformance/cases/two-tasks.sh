# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# Two tasks in one group: each exit gives back its own.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 32M >t/memory.max
puppet a t
puppet b t
ask a 'anon 6M'
ask b 'anon 10M'
ask a 'shm 2M'
range 'both' 18M 20M 'usage t'
run 'wc -l < t/cgroup.procs'
ida=$(id_of a)
kill -9 "$ida"
gone a
becomes 'one' '(($(wc -l < t/cgroup.procs) == 1))'
range 'b' 10M 11M 'usage t'
ask b 'anon 20M' >/dev/null
range 'b' 30M 32M 'usage t'
ask b free
ask b free
ask b free
finish b
range 'none' 0 600K 'usage t'
run 'grep -E "^(oom|oom_kill) " t/memory.events'
