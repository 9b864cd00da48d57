# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# memory.swap.max refuses slots, memory.swap.high slows down; both count.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
say t/memory.swap.events
section 'no swap at all'
echo 0 >t/memory.swap.max
echo 8M >t/memory.max
once t anon 16M
run 'cat t/memory.swap.current'
run 'grep oom_kill t/memory.events'
run 'cat t/memory.swap.events'
section 'less than is needed'
echo 4M >t/memory.swap.max
once t anon 16M
run 'grep oom_kill t/memory.events'
fact 'every refusal by the limit is a failure' '(($(field t/memory.swap.events fail) >= $(field t/memory.swap.events max)))'
section 'enough'
echo max >t/memory.swap.max
puppet p t
ask p 'anon 16M'
range 'in swap' 8M 10M 'cat t/memory.swap.current'
range 'in memory' 6M 8M 'usage t'
before=$(field t/memory.swap.events max)
run 'echo 1M > t/memory.swap.max'
range 'a lower limit brings nothing back' 8M 10M 'cat t/memory.swap.current'
fact 'and counts nothing' '(($(field t/memory.swap.events max) == before))'
echo max >t/memory.swap.max
section 'memory.swap.high'
for v in 1M x max 7M; do put t/memory.swap.high "$v"; done
ask p 'anon 512K'
fact 'its event' '(($(field t/memory.swap.events high) > 0))'
run 'grep -E "high|oom_kill" t/memory.events'
finish p
