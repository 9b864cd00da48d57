# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# Above memory.high a task is slowed down, counted, and never killed.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p t/c
echo +memory >t/cgroup.subtree_control
section 'cache is held at it'
echo 8M >t/memory.high
sparse_file f 32M
once t/c read "$TMP/f"
range 'usage' 4M 9M 'usage t'
fact 'counted in the group over it' '(($(field t/memory.events.local high) > 0))'
fact 'not below' '(($(field t/c/memory.events high) == 0))'
fact 'no limit was met' '(($(field t/memory.events max) == 0))'
section 'memory that cannot go passes it'
echo max >t/memory.high
echo 4M >t/c/memory.high
before=$(field t/c/memory.events high)
once t/c anon 4300K
after=$(field t/c/memory.events high)
fact 'each batch of pages above is an event, with retries more' '((after - before >= 3))'
run 'grep -E "max|oom" t/memory.events'
section 'a write reclaims, at once and quietly'
echo max >t/c/memory.high
once t/c read "$TMP/f"
before=$(field t/c/memory.events high)
run 'echo 8M > t/c/memory.high'
range 'usage' 0 8M 'usage t/c'
fact 'no event' '(($(field t/c/memory.events high) == before))'
puppet p t/c
ask p 'anon 2M'
run 'echo 1M > t/c/memory.high'
range 'the task keeps its memory' 2M 4M 'usage t/c'
run 'cat t/c/memory.high'
finish p
