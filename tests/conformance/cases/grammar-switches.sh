# SPDX-License-Identifier: MIT
# NEEDS: v2 root
# PROFILE: 6.1 6.12
#
# Files that hold a switch: which numbers they take, and with which error they refuse.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
for f in memory.oom.group cgroup.freeze cgroup.pressure cgroup.kill; do
    section "$f"
    for v in 0 1 2 -1 00 01 0x1 ' 1' '1 ' $'0\n' '' ' ' x 1x 1.0 on true +1 -0 2147483647 2147483648 \
        4294967296 4294967297 18446744073709551616 '0 1'; do
        put t/$f "$v"
    done
done
section 'zswap writeback'
for v in 0 1 2 -1 x '' ' 1 '; do put t/memory.zswap.writeback "$v"; done
