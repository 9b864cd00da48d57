# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# What memory.reclaim takes as an amount and as options; 6.12 knows swappiness.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
for v in 0 4096 1 4095 -1 1.5M 0x1000 ' 4096' '4096 ' max '' ' ' x 1K 1kk '1 K' \
    'swappiness=10' '1M swappiness=10' '0 swappiness=10' '0 swappiness=0' '0 swappiness=200' \
    '0 swappiness=201' '0 swappiness=max' '0 swappiness=-1' '0 swappiness=' '0 swappiness' '0 swappiness=x' \
    '0 swappiness=10 swappiness=20' '0  swappiness=10' '0 swappiness=10 ' '0 swappiness=0x10' '0 Swappiness=1' \
    '0 foo=1' '0 swappiness=10 foo' '0,swappiness=10' $'0\nswappiness=10' $'0\n' 18446744073709551615 \
    18446744073709551616 99999999999999999999; do
    printf '%-34s %s\n' "${v@Q}" "$(errno_of one_write t/memory.reclaim "$v")"
done
section 'the root group has the file too'
printf '%-34s %s\n' 0 "$(errno_of one_write memory.reclaim 0)"
