# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.12
#
# memory.swap.max: no more goes to swap, and what was refused is counted.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 4M > t/memory.swap.max'
puppet p t
ask p 'anon 16M'
for _ in 1 2 3 4; do echo 16M >t/memory.reclaim; done 2>/dev/null
range 'in swap' 3900K 4M 'cat t/memory.swap.current'
becomes 'max events' '(($(field t/memory.swap.events max) > 0))'
fact 'as many fail events' '(($(field t/memory.swap.events max) == $(field t/memory.swap.events fail)))'
range 'usage' 11M 13M 'usage t'
run 'echo 0 > t/memory.swap.max'
range 'nothing comes back by itself' 3900K 4M 'cat t/memory.swap.current'
finish p
