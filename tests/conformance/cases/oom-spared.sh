# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap root
# PROFILE: 6.1 6.12
#
# Nobody may be killed: the fault is tried again and again, and each round counts.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 16M >t/memory.max
puppet_adj=-1000 puppet x t
ask x 'anon 8M'
echo 'anon 16M' >&"${puppet_in[x]}"
becomes 'the OOM path is entered again' '(($(field t/memory.events oom) > 2))'
fact 'each with its rounds of reclaim' '(($(field t/memory.events max) > 36))'
run 'grep oom_ t/memory.events'
section 'somebody else may be: the smaller one that is not spared'
memhog -s -j "$CG/t/cgroup.procs" sleep 100000 anon 1M &
victim=$!
becomes 'it is killed for the other' '(($(field t/memory.events oom_kill) == 1))'
{ wait $victim; } 2>/dev/null
echo "[status $?]"
section 'room ends it'
echo 32M >t/memory.max
hear x
run 'grep oom_ t/memory.events'
finish x
