# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# An eventfd of memory.oom_control ticks when the group or an ancestor runs out of memory.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t t/c
limit t 8M
watch group eventfd t/memory.oom_control
watch child eventfd t/c/memory.oom_control 'any text'
once t/c anon 16M
watched group
watched child
section 'of a child alone'
limit t/c 4M
watch group -t 1500 eventfd t/memory.oom_control
watch child eventfd t/c/memory.oom_control
once t/c anon 6M
watched child
watched group
section 'with the killer off'
run 'echo 1 > t/c/memory.oom_control'
watch child eventfd t/c/memory.oom_control
puppet p t/c
echo 'anon 6M' >&"${puppet_in[p]}"
watched child
becomes 'under_oom' 'grep -q "under_oom 1" t/c/memory.oom_control'
watch late eventfd t/c/memory.oom_control
watched late
limit t/c 8M
ask p pid | sed 's/[0-9][0-9]*$/N/'
becomes 'not any more' 'grep -q "under_oom 0" t/c/memory.oom_control'
finish p
