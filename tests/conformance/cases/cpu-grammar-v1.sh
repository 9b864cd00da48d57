# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# What the files of cpu and cpuacct take.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../cpu"
mkdir t
many='0 1 2 3 100 6000 262144 262145 -1 -2 max abc 1k 18446744073709551615 18446744073709551616'
for file in cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us cpu.idle cpuacct.usage; do
    section "$file"
    for v in $many; do put "t/$file" "$v"; done
    for v in '' ' ' ' 2000 ' $'2000\n' +2000 0x1000 010000; do put "t/$file" "$v"; done
done
section 'the ranges of quota, period and burst'
put t/cpu.idle 0
put t/cpu.cfs_burst_us 0
put t/cpu.cfs_quota_us -1
put t/cpu.cfs_period_us 100000
for v in 999 1000 999999 1000000 1000001; do put t/cpu.cfs_period_us "$v"; done
put t/cpu.cfs_period_us 100000
for v in 999 1000 17592186044415 17592186044416 18446744073709551 18446744073709552 9223372036854775807; do put t/cpu.cfs_quota_us "$v"; done
put t/cpu.cfs_quota_us 50000
for v in 50000 50001 0; do put t/cpu.cfs_burst_us "$v"; done
put t/cpu.cfs_burst_us 40000
put t/cpu.cfs_quota_us 30000
put t/cpu.cfs_quota_us -1
say t/cpu.cfs_burst_us
section 'a parent without room for its child'
put t/cpu.cfs_burst_us 0
put t/cpu.cfs_quota_us 50000
mkdir t/u
put t/u/cpu.cfs_quota_us 50001
put t/u/cpu.cfs_quota_us 50000
put t/u/cpu.cfs_period_us 50000
put t/cpu.cfs_quota_us 40000
put t/cpu.cfs_quota_us -1
section idle
put t/u/cpu.idle 1
say t/u/cpu.shares
put t/u/cpu.shares 100
put t/u/cpu.idle 1
put t/u/cpu.idle 0
say t/u/cpu.shares
section 'the root'
put cpu.shares 2048
put cpu.cfs_quota_us 50000
put cpu.cfs_period_us 50000
put cpu.cfs_burst_us 1
put cpu.idle 1
run 'echo 5 >cpuacct.usage'
run 'sed 1d t/cpu.stat'
rmdir t/u t
