# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# limit <= memsw.limit at all times; what each refuses, and what each reclaims.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
both() { echo "limit $(cat t/memory.limit_in_bytes), memsw $(cat t/memory.memsw.limit_in_bytes)"; }
run 'echo 32M > t/memory.memsw.limit_in_bytes'
run 'echo 32M > t/memory.limit_in_bytes'
run 'echo 32M > t/memory.memsw.limit_in_bytes'
run 'echo 64M > t/memory.limit_in_bytes'
run 'echo 16M > t/memory.memsw.limit_in_bytes'
both
run 'echo 64M > t/memory.memsw.limit_in_bytes'
run 'echo 64M > t/memory.limit_in_bytes'
both
section 'below the usage'
puppet p t
ask p 'anon 16M'
run 'echo 8M > t/memory.limit_in_bytes'
range 'the rest is in swap' 8M 10M 'field t/memory.stat swap'
range 'together' 16M 17M 'cat t/memory.memsw.usage_in_bytes'
run 'echo 12M > t/memory.memsw.limit_in_bytes'
both
fact 'no events' 'grep -q "oom_kill 0" t/memory.oom_control'
section 'swapping does not help against memsw'
run 'echo 20M > t/memory.memsw.limit_in_bytes'
ask p 'anon 8M'
gone p
run 'grep oom_kill t/memory.oom_control'
fact 'memsw refused' '(($(<t/memory.memsw.failcnt) > 0))'
section 'cache does'
sparse_file f 32M
once t read "$TMP/f"
run 'echo 4M > t/memory.limit_in_bytes'
run 'echo 4M > t/memory.memsw.limit_in_bytes'
both
