# SPDX-License-Identifier: MIT
# NEEDS: v2 zswap
# PROFILE: 6.1 6.12
#
# Compressed swap: slots are taken all the same, nothing is written, and the group pays for the compressed pages.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
stat_of() { field t/memory.stat "$1"; }
puppet p t
ask p 'anon 16M'
range 'compressed' 0 0 'stat_of zswapped'
for _ in 1 2 3 4; do echo 16M >t/memory.reclaim; done 2>/dev/null
range 'in swap' 15M 18M 'cat t/memory.swap.current'
range 'compressed' 16M 17M 'stat_of zswapped'
range 'to' 0 256K 'stat_of zswap'
fact 'to 44 bytes a page' '(($(stat_of zswap) >= 44 * 4096))'
becomes 'memory.zswap.current says the same' '(($(<t/memory.zswap.current) == $(stat_of zswap)))'
range 'memory' 0 1M 'usage t'
fact 'stored' '(($(stat_of zswpout) >= 4096))'
fact 'loaded' '(($(stat_of zswpin) > 0))'
ask p peek
range 'memory' 16M 18M 'usage t'
becomes 'loaded' '(($(stat_of zswpin) >= 4096))'
range 'in swap' 15M 18M 'cat t/memory.swap.current'
range 'swapcached' 15M 17M 'stat_of swapcached'
fact 'what has been read is still compressed' '(($(stat_of zswapped) >= 16 << 20))'
ask p pageout
range 'compressed' 15M 17M 'stat_of zswapped'
fact 'compressed again' '(($(stat_of zswpout) >= 8192))'
ask p touch
range 'compressed' 0 1M 'stat_of zswapped'
range 'in swap' 0 1M 'cat t/memory.swap.current'
ask p pageout
range 'compressed' 15M 17M 'stat_of zswapped'
ask p free
range 'compressed' 0 1M 'stat_of zswapped'
finish p
