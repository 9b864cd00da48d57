# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# A huge page given up in part stays charged and on its list until reclaim splits it, which it does
# where it finds nothing else to take, or until the rest of it goes too.
. "${CASE_LIB:-/case/lib.sh}"
start
khugepaged=/sys/kernel/mm/transparent_hugepage/khugepaged/defrag
[[ ! -w $khugepaged ]] || echo 0 >"$khugepaged" || true
mkdir t
# What no user has mapped any more, in bytes.
rest() { echo $(($(field t/memory.stat inactive_anon) + $(field t/memory.stat active_anon) - $(field t/memory.stat anon))); }
thp() { echo $((($(field t/memory.stat anon_thp)) / (2 << 20))); }
puppet p t
ask p 'huge 16M'
huge=$(thp)
# Wherever the region begins, 3M end within a huge page.
ask p 'discard 3M'
range 'huge pages fewer' 1 2 'echo $((huge - $(thp)))'
huge=$(thp)
range 'anon' 13M 13500K 'field t/memory.stat anon'
range 'still charged' 4K 2044K 'rest'
left=$(rest)
ask p 'touch'
range 'anon' 16M 16600K 'field t/memory.stat anon'
# The one that was given up whole, if it was huge.
range 'huge pages more' 0 1 'echo $(($(thp) - huge))'
huge=$(thp)
fact 'as much still charged' '(($(rest) == left))'
run 'echo 1M > t/memory.reclaim'
fact 'now it is free' '(($(rest) < 256 << 10))'
fact 'as many huge pages' '(($(thp) == huge))'
range 'anon' 16M 16600K 'field t/memory.stat anon'
fact 'reclaim took nothing' '(($(field t/memory.stat pgsteal) < 64))'
ask p 'free'
section 'nothing of it is mapped any more'
ask p 'huge 8M'
ask p 'discard 3M'
range 'still charged' 4K 2044K 'rest'
ask p 'discard 8M'
fact 'now it is free' '(($(rest) < 256 << 10))'
range 'usage' 0 1M 'usage t'
ask p 'free'
section 'at the limit'
ask p 'huge 8M'
ask p 'discard 3M'
echo 8300K >t/memory.max
ask p 'touch'
range 'anon' 8M 8200K 'field t/memory.stat anon'
run 'grep -E "^(oom|oom_kill) " t/memory.events'
ask p 'discard 9M'
ask p 'free'
ask p 'discard 1M'
finish p
