# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# What the files of cpu take.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
echo +cpu >cgroup.subtree_control
mkdir t
for file in cpu.weight cpu.weight.nice cpu.idle cpu.max.burst; do
    section "$file"
    for v in 0 1 2 100 10000 10001 -1 -20 -21 19 20 max abc 1k 18446744073709551616; do put "t/$file" "$v"; done
    for v in '' ' ' ' 50 ' $'50\n' +50 0x10 010 '1 2'; do put "t/$file" "$v"; done
done
section 'weight and nice'
put t/cpu.idle 0
for v in 1 2 3 10 14 15 16 50 99 100 101 335 3000 9999 10000; do put t/cpu.weight "$v"; say t/cpu.weight.nice; done
for v in -20 -10 -1 0 1 10 19; do put t/cpu.weight.nice "$v"; say t/cpu.weight; done
section idle
put t/cpu.idle 1
say t/cpu.weight t/cpu.weight.nice
put t/cpu.weight 50
put t/cpu.weight.nice 1
put t/cpu.idle 0
say t/cpu.weight t/cpu.weight.nice
section cpu.max
put t/cpu.max.burst 0
for v in max '50000' '50000 200000' 'max 50000' '1000 1000000' '999' '1000 999' '1000 1000001' '' ' ' abc '10000 abc' 'max abc' -1 '0' \
    '50000 100000 3' ' 60000  90000 ' $'70000\n' '0x2000' '18446744073709551615' 'max max' '50000k' '17592186044416'; do
    put t/cpu.max "$v"
done
put t/cpu.max '50000 100000'
for v in 50000 50001 0 40000; do put t/cpu.max.burst "$v"; done
put t/cpu.max 30000
put t/cpu.max max
say t/cpu.max.burst
section 'a child may have more than its parent'
put t/cpu.max.burst 0
put t/cpu.max '50000 100000'
echo +cpu >t/cgroup.subtree_control
mkdir t/u
put t/u/cpu.max '60000 100000'
run 'cut -d" " -f1 t/cpu.stat'
rmdir t/u t
