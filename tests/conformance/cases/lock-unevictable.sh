# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# Locked memory is unevictable: it can neither be reclaimed nor paged out.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'lock 4M'
range 'unevictable' 4M 5M 'field t/memory.stat unevictable'
ask p pageout
if ((HIER == 1)); then echo 0 >t/memory.force_empty; else echo 16M >t/memory.reclaim; fi 2>/dev/null
range 'unevictable' 4M 5M 'field t/memory.stat unevictable'
range 'usage' 4M 6M 'usage t'
ask p free
range 'unevictable' 0 0 'field t/memory.stat unevictable'
finish p
