# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# A task that gives up its own pages: they go to swap at once or with the next reclaim, and come back when touched.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'anon 8M'
ask p 'pageout'
fact 'swap holds them' '(($(<t/memory.swap.current) >= 8 << 20))'
errno_of one_write t/memory.reclaim 8M >/dev/null
range 'memory' 0 2M 'usage t'
ask p peek
range 'memory' 8M 10M 'usage t'
fact 'anon' '(($(field t/memory.stat anon) >= 8 << 20))'
ask p touch
range 'memory' 8M 10M 'usage t'
ask p "write $TMP/f 4M"
ask p "sync $TMP/f"
ask p pageout
fact 'the cache of a file not mapped stays' '(($(field t/memory.stat file) >= 4 << 20))'
finish p
