# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# memory.swap.max bounds what a group has swapped out; what does not fit counts as fail.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 16M >t/memory.max
echo 8212K >t/memory.swap.max
puppet p t
ask p 'anon 20M'
range 'usage' 10M 16M 'usage t'
range 'swap' 3M 8212K 'cat t/memory.swap.current'
run 'grep -E "^(oom|oom_kill) " t/memory.events'
section 'beyond both'
ask p 'anon 8M'
gone p
run 'grep oom_kill t/memory.events'
fact 'as many fail events as max events' '(($(field t/memory.swap.events max) == $(field t/memory.swap.events fail)))'
run 'grep high t/memory.swap.events'
range 'given back, but for what a CPU keeps' 0 512K 'cat t/memory.swap.current'
section 'none at all'
echo 0 >t/memory.swap.max
once t anon 12M
range 'nothing swapped' 0 512K 'cat t/memory.swap.current'
once t anon 20M
section 'lowering the limit takes nothing back'
echo max >t/memory.swap.max
puppet q t
ask q 'anon 24M'
range 'swap' 8M 16M 'cat t/memory.swap.current'
run 'echo 1M > t/memory.swap.max; cat t/memory.swap.max'
range 'still there' 8M 16M 'cat t/memory.swap.current'
ask q 'anon 1M'
gone q
run 'grep oom_kill t/memory.events'
