# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# A huge page that the limit refuses is no reason for the OOM killer: small ones are tried. When
# they do not fit either, it is.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 5900K > t/memory.max'
puppet p t
ask p 'huge 16M'
gone p
run 'grep -E "^(oom|oom_kill) " t/memory.events'
# 18 tries of the huge page, then those of the last small one: 18 and, by its victim, 17.
range 'tries' 53 55 'field t/memory.events max'
range 'peak' 5700K 5900K 'cat t/memory.peak'
range 'huge pages' 1 2 'field t/memory.stat thp_fault_alloc'
run 'grep -E "^anon_thp" t/memory.stat'
