# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# With the killer off a task waits at the limit until there is room.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 16M >t/memory.limit_in_bytes
echo 1 >t/memory.oom_control
puppet a t
puppet b t
ask a 'anon 8M'
echo 'anon 12M' >&"${puppet_in[b]}"
becomes 'waits' 'grep -q "under_oom 1" t/memory.oom_control'
run 'cat t/memory.oom_control'
echo 32M >t/memory.limit_in_bytes
ask b pid | sed 's/pid .*/pid/'
ask b touch | sed 's/pid .*/pid/'
becomes 'no longer' 'grep -q "under_oom 0" t/memory.oom_control'
section 'another gives memory up'
echo 24M >t/memory.limit_in_bytes
echo 'anon 10M' >&"${puppet_in[b]}"
becomes 'waits' 'grep -q "under_oom 1" t/memory.oom_control'
ask a free
becomes 'goes on' 'grep -q "under_oom 0" t/memory.oom_control'
ask b pid | sed 's/pid .*/pid/'
section 'the killer comes back'
echo 'anon 20M' >&"${puppet_in[b]}"
becomes 'waits' 'grep -q "under_oom 1" t/memory.oom_control'
echo 0 >t/memory.oom_control
gone b
run 'cat t/memory.oom_control'
finish a
