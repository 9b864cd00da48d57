# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: alinux2
#
# What the files of the background reclaim take and refuse.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
cd t
section 'as made'
say memory.wmark_ratio memory.wmark_scale_factor memory.wmark_high memory.wmark_low
section 'wmark_ratio: 0 to 100, in any base, white space around'
for v in 95 ' 95' $'95\n' $'\t95\v' +95 0x5f 0X5F 0137 0 00 100 101 4294967295 4294967296 \
    -1 max 50% 95.0 0x 08 '9 5' ' ' $'\n' x 1K 18446744073709551616; do
    put memory.wmark_ratio "$v"
done
section 'wmark_scale_factor: 1 to 1000'
for v in 1 1000 1001 0 -1 ' 500 ' +20 0x10 010 max 4294967296 4294967297; do
    put memory.wmark_scale_factor "$v"
done
section 'the watermarks are only read'
run 'stat -c "%A %n" memory.wmark_{high,low,ratio,scale_factor}'
section 'a write is one value, a page at most'
run 'printf 9 > memory.wmark_ratio; printf 5 >> memory.wmark_ratio; cat memory.wmark_ratio'
run ': > memory.wmark_ratio; cat memory.wmark_ratio'
run "printf '%4096s' 7 | dd of=memory.wmark_ratio bs=8192 status=none; cat memory.wmark_ratio"
run "printf '%4097s' 8 | dd of=memory.wmark_ratio bs=8192 status=none; cat memory.wmark_ratio"
