# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# memory, memory + swap, kernel and tcp limits of v1: grammar and order.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
for f in memory.soft_limit_in_bytes memory.kmem.limit_in_bytes memory.kmem.tcp.limit_in_bytes; do
    section "$f"
    for v in 1.5G -1 0x1000 ' 4096 ' '' max 0 5000 3M $'4096\n' -2 18446744073709551615 18446744073709551616 x 1kk; do
        put t/$f "$v"
    done
done
section 'memory + swap is never below memory'
put t/memory.memsw.limit_in_bytes 8M
put t/memory.limit_in_bytes 8M
put t/memory.memsw.limit_in_bytes 4M
put t/memory.memsw.limit_in_bytes 16M
put t/memory.limit_in_bytes 17M
put t/memory.limit_in_bytes 16M
put t/memory.limit_in_bytes -1
put t/memory.memsw.limit_in_bytes -1
put t/memory.limit_in_bytes 0
put t/memory.memsw.limit_in_bytes 0
put t/memory.memsw.limit_in_bytes 1.5G
put t/memory.memsw.limit_in_bytes ' 4096 '
section 'the root'
for f in memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.kmem.limit_in_bytes \
    memory.kmem.tcp.limit_in_bytes; do
    put $f 1G
done
echo -1 >memory.soft_limit_in_bytes
