# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Locked memory cannot be reclaimed: it counts as unevictable.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'lock 8M'
range 'unevictable' 8M 8M 'field t/memory.stat unevictable'
range 'usage' 8M 10M 'usage t'
ask p 'anon 8M'
errno_of one_write t/memory.reclaim 64M
range 'what is locked stays' 8M 10M 'usage t'
range 'swap' 7M 9M 'cat t/memory.swap.current'
ask p pageout
range 'unevictable' 8M 8M 'field t/memory.stat unevictable'
section 'a limit below it kills'
echo 4M >t/memory.max
gone p
run 'grep oom_kill t/memory.events'
