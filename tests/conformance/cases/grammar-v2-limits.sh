# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# All v2 limits read sizes alike; each has its own default and its own effect on the others: none.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
for f in memory.high memory.low memory.min memory.swap.max memory.swap.high memory.zswap.max; do
    section "$f"
    say t/$f
    for v in 1.5G -1 0x1000 ' 4096 ' '' max MAX 0 1 5000 2M '2 M' 3g 1T 9223372036854775807 \
        18446744073709551615 18446744073709551616 08 0X2000k $'12288\n' '4096,' '+1' 1e6 infinity; do
        put t/$f "$v"
    done
done
section 'none of them changed another'
say t/memory.max t/memory.high t/memory.low t/memory.min t/memory.swap.max t/memory.swap.high
