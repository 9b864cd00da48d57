# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# io.max and io.weight: what they take.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
echo +io >cgroup.subtree_control
mkdir t
section io.max
for v in '254:0 rbps=1048576' '254:0 wbps=2097152 riops=100' '254:0 wiops=max' '254:0 rbps=max wbps=max riops=max' '254:0' \
    '254:0 rbps=0' '254:0 rbps=abc' '254:0 rbps=-1' '254:0 rbps' '254:0 nosuch=1' '254:0 rbps=1M' '254:0 riops=4294967296' '7:99 rbps=1' \
    '254 rbps=1' '' ' ' abc 'default rbps=1' ' 254:0 rbps=5' '254:0  rbps=6' $'254:0 rbps=7\n' '254:0 rbps=8 abc' '254:0 rbps=0x10' '254:1 rbps=1' \
    '254:0 rbps=18446744073709551615' '254:0 rbps=1,wbps=2' '254:0 rbps=max'; do
    put t/io.max "$v"
done
section io.weight
for v in 200 1 10000 0 10001 -1 abc '' ' ' 'default 50' 'default 0' 'default' 'default abc' '254:0 300' '254:0 0' '254:0 10001' '254:0' '254:0 default' \
    '7:99 5' '100 200' $'150\n' ' 160' max; do
    put t/io.weight "$v"
done
section 'io.stat has a line for each device that a group has named'
mkdir u u/v
say u/io.stat
put u/io.max '7:99 rbps=1'
put u/io.max '254:0 nosuch=1'
say u/io.stat u/v/io.stat
echo +io >u/cgroup.subtree_control
say u/v/io.stat
put u/v/io.max '254:16 rbps=5000'
say u/io.stat u/v/io.stat
put u/v/io.max '254:16 rbps=max'
say u/v/io.stat
rmdir u/v u t
