# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Anonymous memory goes to swap and comes back; writing frees its slots.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'anon 16M'
for _ in 1 2 3 4; do echo 16M >t/memory.reclaim; done 2>/dev/null
range 'in swap' 15M 18M 'cat t/memory.swap.current'
range 'anon' 0 2M 'field t/memory.stat anon'
range 'usage' 0 4M 'usage t'
fact 'no event' '! grep -qv " 0$" t/memory.swap.events'
ask p touch
range 'anon' 16M 17M 'field t/memory.stat anon'
range 'in swap' 0 2M 'cat t/memory.swap.current'
becomes 'refaults of all pages' '(($(field t/memory.stat workingset_refault_anon) >= 4000))'
becomes 'major faults' '(($(field t/memory.stat pgmajfault) > 0))'
finish p
range 'in swap at the end' 0 1M 'cat t/memory.swap.current'
