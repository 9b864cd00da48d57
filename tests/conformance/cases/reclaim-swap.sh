# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# With swap memory.reclaim moves anonymous memory out; touching it brings it back.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'anon 16M'
run 'echo 8M > t/memory.reclaim'
range 'memory' 4M 9M 'usage t'
range 'swap' 8M 13M 'cat t/memory.swap.current'
fact 'anon in memory.stat' '(($(field t/memory.stat anon) <= 9 << 20))'
fact 'pswpout or pgsteal' '(($(field t/memory.stat pgsteal) >= 2048))'
before=$(field t/memory.stat pgmajfault)
ask p touch
range 'memory' 16M 18M 'usage t'
fact 'major faults' '(($(field t/memory.stat pgmajfault) > before))'
ask p free
range 'memory' 0 1M 'usage t'
range 'swap' 0 512K 'cat t/memory.swap.current'
finish p
