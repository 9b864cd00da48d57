# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# How often oom and oom_kill count: once for each kill.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 8M >t/memory.max
for i in 1 2 3; do
    once t anon 16M
    run 'grep -E "^oom" t/memory.events'
done
run 'cat t/memory.events.local | grep oom'
section 'oom.group counts the group once'
echo 1 >t/memory.oom.group
puppet p t
puppet q t
ask p 'anon 1M'
once t anon 16M
gone p
gone q
run 'grep -E "^oom" t/memory.events'
section 'a new group of that name counts from zero'
becomes 'removed' 'rmdir t'
mkdir t
run 'grep -E "^oom" t/memory.events'
