# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# v1 counts swapped memory in memsw and in memory.stat's swap.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 8M > t/memory.limit_in_bytes'
puppet p t
ask p 'anon 16M'
range 'resident' 7M 8M 'usage t'
range 'in swap' 8M 10M 'field t/memory.stat swap'
range 'both' 16M 18M 'cat t/memory.memsw.usage_in_bytes'
fact 'the limit was hit' '(($(cat t/memory.failcnt) > 0))'
ask p touch
range 'in swap' 8M 10M 'field t/memory.stat swap'
range 'both' 16M 18M 'cat t/memory.memsw.usage_in_bytes'
becomes 'refaults' '(($(field t/memory.stat workingset_refault_anon) > 0))'
finish p
range 'in swap' 0 1M 'field t/memory.stat swap'
