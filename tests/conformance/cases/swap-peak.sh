# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.12
#
# memory.peak and memory.swap.peak hold the highest; each opener may start its own anew.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
once t anon 12M
range 'peak' 12M 14M 'cat t/memory.peak'
range 'usage' 0 2M 'usage t'
echo 8M >t/memory.max
once t anon 16M
range 'swap peak' 7M 14M 'cat t/memory.swap.peak'
range 'swap now' 0 512K 'cat t/memory.swap.current'
fact 'peak stays' '(($(<t/memory.peak) > 11000000))'
section 'a reset is the descriptor'\''s'
exec {fd}<>t/memory.peak
echo reset >&$fd
range 'what it reads' 0 2M "head -c 20 <&$fd"
exec {fd}<&-
fact 'others see the old one' '(($(<t/memory.peak) > 11000000))'
for v in '' 0 x; do printf '%-6s %s\n' "${v@Q}" "$(errno_of one_write t/memory.peak "$v")"; done
