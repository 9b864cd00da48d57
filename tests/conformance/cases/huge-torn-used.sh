# SPDX-License-Identifier: MIT
# NEEDS: v2 ssd classic
# PROFILE: 6.1 6.12
#
# The small entries of a huge page that was given up in part count as one use of it: reclaim keeps
# it on the inactive list at the first look, as it does a whole one.
. "${CASE_LIB:-/case/lib.sh}"
start
khugepaged=/sys/kernel/mm/transparent_hugepage/khugepaged/defrag
[[ ! -w $khugepaged ]] || echo 0 >"$khugepaged" || true
mkdir t
puppet p t
ask p 'huge 8M'
# Wherever the region begins, 3M end within a huge page.
ask p 'discard 3M'
run 'echo 1M > t/memory.reclaim'
fact 'activated' '(($(field t/memory.stat pgactivate) >= 100))'
fact 'active' '(($(field t/memory.stat active_anon) >= 400 << 10))'
fact 'in swap' '(($(field t/memory.stat pgsteal) > 0))'
ask p 'free'
finish p
