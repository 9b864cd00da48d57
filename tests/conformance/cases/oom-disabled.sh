# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# memory.oom_control 1: faults sleep until there is room; what wakes them, and what does not.
. "${CASE_LIB:-/case/lib.sh}"
start
for v in 2 -1 x '' 1; do put t/memory.oom_control "$v" 2>/dev/null; done
mkdir -p t/c
for v in 2 -1 x 1; do put t/memory.oom_control "$v"; done
run 'echo 1 > memory.oom_control'
mkdir t/later
run 'grep oom_kill_disable t/c/memory.oom_control t/later/memory.oom_control'
echo 16M >t/memory.limit_in_bytes
park() {
    puppet x t
    echo "anon $1" >&"${puppet_in[x]}"
    becomes 'parked' 'grep -q "under_oom 1" t/memory.oom_control'
}
section 'raising the limit'
park 24M
run 'grep under_oom t/c/memory.oom_control memory.oom_control'
run 'echo 20M > t/memory.limit_in_bytes'
becomes 'parked again' 'grep -q "under_oom 1" t/memory.oom_control'
run 'echo 32M > t/memory.limit_in_bytes'
hear x
run 'cat t/memory.oom_control'
finish x
section 'the end of another one below'
echo 16M >t/memory.limit_in_bytes
puppet y t/c
ask y 'anon 8M'
park 12M
kill -9 "$(id_of y)"
gone y
hear x
run 'cat t/memory.oom_control'
finish x
section 'memory given back'
puppet y t/c
ask y 'anon 8M'
park 12M
ask y free
hear x
finish x y
section 'moving away does not help'
puppet y t
mkdir other
ask y 'anon 8M'
park 12M
id_of y >other/cgroup.procs
sleep 0.3
run 'grep under_oom t/memory.oom_control'
section 'killing it'
kill -9 "$(head -n1 t/cgroup.procs)"
gone x
run 'cat t/memory.oom_control'
finish y
section 'turning the killer on'
park 24M
run 'echo 0 > t/memory.oom_control'
gone x
run 'cat t/memory.oom_control'
