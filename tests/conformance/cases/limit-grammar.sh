# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# What the hard limit takes: sizes with suffixes, in whole pages, and the word or number for none.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
if ((HIER == 1)); then f=t/memory.limit_in_bytes; else f=t/memory.max; fi
for v in 0 1 4095 4096 4097 8191 12345 1K 3k 10k 1M 1m 1G 1g 1T 1P 1E 7E 8E 16E 0x1000 0x1000K 010 \
    9223372036854771712 9223372036854775807 9223372036854775808 18446744073709551615 \
    18446744073709551616 -1 -2 -0 max Max 'max ' ' max' ' 4096' '4096 ' $'4096\n' $'\t8192' \
    $'4096\n8192' '4096 8192' +4096 -4096 1.5M 1e3 1kk 1KB 4096x x4096 ' ' $'\n' - +; do
    put $f "$v"
done
section 'the root group'
if ((HIER == 1)); then put memory.limit_in_bytes 1G; else run 'ls memory.max'; fi
