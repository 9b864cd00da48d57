# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# memory + swap bounds both together; its failcnt and peak are its own.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 8M >t/memory.limit_in_bytes
echo 16M >t/memory.memsw.limit_in_bytes
puppet p t
ask p 'anon 12M'
range 'memory' 4M 8M 'usage t'
range 'both' 12M 14M 'cat t/memory.memsw.usage_in_bytes'
range 'swap' 4M 9M 'field t/memory.stat swap'
fact 'failcnt' '(($(<t/memory.failcnt) > 0))'
run 'cat t/memory.memsw.failcnt'
ask p 'anon 8M'
gone p
run 'grep oom_kill t/memory.oom_control'
fact 'failcnt' '(($(<t/memory.memsw.failcnt) > 0))'
range 'peak' 15M 16M 'cat t/memory.memsw.max_usage_in_bytes'
becomes 'both' '(($(<t/memory.memsw.usage_in_bytes) < 1048576))'
echo 0 >t/memory.memsw.max_usage_in_bytes
range 'peak' 0 1M 'cat t/memory.memsw.max_usage_in_bytes'
section 'equal limits: nothing is swapped'
echo 8M >t/memory.memsw.limit_in_bytes
once t anon 12M
range 'swap' 0 512K 'field t/memory.stat swap'
section 'lowering memory + swap below the use'
echo -1 >t/memory.memsw.limit_in_bytes
puppet q t
ask q 'anon 14M'
put t/memory.memsw.limit_in_bytes 10M
fact 'still there' '(($(<t/memory.memsw.usage_in_bytes) > 13 << 20))'
finish q
