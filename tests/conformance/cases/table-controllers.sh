# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root boot
# PROFILE: 6.1 6.12
# GOLDEN: tsv
#
# What each file of the controllers other than memory takes, in a fresh group and in the root.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG" || exit 9
if ((HIER == 2)); then
    for name in cpuset cpu io memory hugetlb pids rdma misc; do echo +$name >cgroup.subtree_control; done
fi

lists=(0 '0\n' ' 0 ' 0-0 00 '0,0' '0,' ',0' ',' '0,,0' '0 0' '0, 0' '0\t' 0-1 1 '0,1' '1,0' 4 0-0:1/2 0-0:1/1 0-0:2/1 0-0:0/1 0:1/2 0-0:1 0-0:1/ 0-0/2 3-0 0- -0 -1 +0 - all ALL al
    none N 0x0 08 1024 8191 8192 99999 4294967295 4294967296 18446744073709551616 '0\x001' '\xa00' '0\xa0' abc 0K 0.0 '0\n0' '' '\n' 0 '0#' ' ' 0 '\x00' 0
    '\{4095*0}0' '\{4096*0}0' '0\{2047*,}0' '0\{4090* }')
limits=(5 0 max ' 7 ' '9\n' 007 0x10 -1 -0 +3 '' ' ' '\n' '\x00' abc 5k 5K 5.5 '5 5' '5\x006' 4194303 4194304 4194305 2147483647 2147483648 4294967296
    9223372036854775806 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 MAX 'max ' maxx infinity
    '\xa05' ++5 0x 08 '\{4095*0}5' '\{4096*0}5')
signed=(100 0 1 -1 -2 2 1000 999 1000000 1000001 100000 50000 ' 2000' '2000 ' '2000\n' '2000\n\n' +3000 0x1000 010000 08 0x - + -0 1k 1.5 '1 1' abc max ''
    '\n' ' ' '\x00' '2000\x00x' 2147483647 2147483648 4294967296 17592186044415 17592186044416 18446744073709551 18446744073709552
    9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775808 -9223372036854775809
    '\{4095*0}5' '\{4096*0}5')

v1_rows() {
    local file size
    for file in cpu.shares cpu.idle cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us; do rows $file = "${signed[@]}"; done
    rows cpuacct.usage = "${signed[@]}"
    for file in cpus mems; do rows cpuset.$file = "${lists[@]}"; done
    for file in cpu_exclusive mem_exclusive mem_hardwall sched_load_balance memory_migrate memory_spread_page memory_spread_slab \
        sched_relax_domain_level; do
        rows cpuset.$file = "${signed[@]}"
    done
    for file in effective_cpus effective_mems memory_pressure; do rows cpuset.$file = 0 1 '' abc; done
    rows freezer.state = FROZEN THAWED 'FROZEN\n' ' THAWED ' 'FROZEN\x00x' FREEZING frozen Thawed THAWEDx 'FROZEN X' '' ' ' '\n' '\x00' 1 0 \
        '\xa0THAWED' '\{4090* }FROZEN' '\{4091* }FROZEN'
    rows pids.max = "${limits[@]}"
    rows devices.deny devices.list 'c 1:3 w' a 'c 1:3 rwm' 'x' ''
    rows devices.allow devices.list x c 'c ' 'c 1' 'c 1:' 'c 1:3' 'c 1:3 ' 'c 1:3 x' 'c 1:3 rwmx' 'c 1:3 rwm ' 'c 1:3 rwmr' 'c 1:3 rr' 'c -1:3 r' 'c 1:x r' \
        'c a:3 r' 'd 1:3 r' ' c 1:3 r' 'c  1:3 r' 'c 99999:3 r' 'c 1234567890123:3 r' 'c 4294967296:3 r' 'c 0x1:3 r' 'c 01:3 r' 'C 1:3 r' 'c 1:3r' 'c *:3 r' \
        'c *:* r' 'c 1:* r' 'c 1:3\tr' '\tc 1:3 r' 'c 1:3 R' 'c 1:3 r\n' 'c 1:3 r\nb 1:1 r' 'c 1:3 r\x00x' 'b 8:0 m' 'b 8:0 w' 'a' 'a *:* rwm' 'a 1:3 r' '' \
        ' ' '\n' '\x00' '\xa0a' 'A' 'ax' 'c 1:3 r\{4080* }' '\{4095* }a' '\{4096* }a'
    for file in read_bps write_bps read_iops write_iops; do
        rows blkio.throttle.${file}_device = "${throttle[@]}"
    done
    rows blkio.reset_stats - 1 0 abc '' -1 ' 1' '1\n'
    rows net_cls.classid = "${signed[@]}" 4294967295 4294967297
    rows net_prio.ifpriomap - 'lo 5' 'lo 0' 'lo 4294967295' 'lo 4294967296' 'lo -1' 'lo abc' lo 'lo ' '' ' ' '\n' '\x00' 'nosuch0 5' ' lo 6' 'lo  7' 'lo 8\n' \
        'lo 9 10' 'lo 0x10' 'lo +1' 'lo\t5' 'lo 5\x00x' 'lo0123456789012345 5' 'LO 5' 'lo\{4090* }5' 'lo\{4096* }5'
    rows net_prio.prioidx - 5 ''
    for size in 2MB 1GB; do
        for file in limit_in_bytes rsvd.limit_in_bytes; do rows hugetlb.$size.$file = 4M 2097151 2097152 3000000 "${texts_page[@]}"; done
        for file in max_usage_in_bytes rsvd.max_usage_in_bytes failcnt rsvd.failcnt usage_in_bytes rsvd.usage_in_bytes; do
            rows hugetlb.$size.$file = "${texts_any[@]}"
        done
    done
    for file in cpu.shares cpu.idle cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us; do rows /$file = 1 1000000 abc ''; done
    rows /cpuacct.usage - 5 abc '' 0
    rows /cpuset.cpus = 0 1 '' abc '\n'
    rows /cpuset.mems = 0 1 '' abc '\n'
    for file in cpu_exclusive mem_exclusive mem_hardwall memory_migrate memory_spread_page memory_spread_slab; do
        rows /cpuset.$file = abc '' -1
    done
    rows /cpuset.sched_load_balance = abc '' 1
    rows /cpuset.sched_relax_domain_level = abc '' 99 -1
    rows /cpuset.memory_pressure_enabled = 1 2 0 -1 abc ' 1' '1\n' 0
    rows /devices.allow devices.list x '' a
    rows /devices.deny devices.list x '' 'c 1:x r'
    for file in read_bps write_bps read_iops write_iops; do rows /blkio.throttle.${file}_device = '254:0 100' '254:0' abc '' '254:0 0'; done
    rows /blkio.reset_stats - 1 abc ''
    rows /net_cls.classid = 7 abc '' 0
    rows /net_prio.ifpriomap - 'lo 5' 'lo' '' 'lo 0'
    for size in 2MB 1GB; do
        for file in limit_in_bytes rsvd.limit_in_bytes; do rows /hugetlb.$size.$file = 4M abc '' max -1; done
        for file in max_usage_in_bytes rsvd.max_usage_in_bytes failcnt rsvd.failcnt; do rows /hugetlb.$size.$file = 0 abc ''; done
    done
}

throttle=('254:0 1048576' '254:0 0' '254:0 1' '254:0' '254:0 ' '254:0 abc' '254:0 1M' '254:0 -1' '254:0 +1' '254:0 18446744073709551615'
    '254:0 18446744073709551616' '254:0 4294967295' '254:0 4294967296' '254:0 5' '254:16 6' '7:99 100' '254 100' ':0 1' '254: 1' '254:x 1' '0x254:0 1' '' ' '
    '\n' '\x00' abc '254:0 100 200' ' 254:0 101' '\t254:0 102' '254:0\t103' '254:1 100' '254:0 7\n' '254:0  9' '254:0 0x10' '254:0 010' '254:0 08' '254:0 8\x00x'
    '254:0 1.5' '254:0 1\n254:16 2' '254:0\n1' '+254:0 5' '-254:0 5' '254:0 11\xa0' '\xa0254:0 11' '254:0 max' '254:0\{4088* }5' '254:0\{4096* }5' '254:0 0' '254:16 0')

v2_rows() {
    local file size
    for file in weight weight.nice idle max.burst; do rows cpu.$file = "${signed[@]}" 10000 10001 -20 -21 19 20 '\xa019'; done
    rows cpu.max = max 50000 '50000 200000' 'max 50000' '1000 1000000' 999 '1000 999' '1000 1000001' '' ' ' '\n' '\x00' abc '10000 abc' 'max abc' -1 0 \
        '50000 100000 3' ' 60000  90000 ' '70000\n' '70000\t80000' '70000\n80000' 0x2000 010000 08 18446744073709551615 18446744073709551616 'max max' 50000k 50000K \
        17592186044415 17592186044416 'MAX' 'maxx' 'max\x00x' '+50000' '50000 +100000' '50000 -1' '50000 0' '50000 100000x' '50000 0x20000' '\xa050000' 1.5 \
        '50000,100000' '-0' '\{4091*0}50000' '\{4092*0}50000'
    for file in cpus mems cpus.exclusive; do rows cpuset.$file = "${lists[@]}"; done
    rows cpuset.cpus.partition = member root member isolated member Root 'root x' ' member\n' 'member\x00x' memberx '' ' ' '\n' '\x00' 0 1 abc \
        'root invalid' '\{4090* }member' '\{4091* }member'
    for file in cpus.effective mems.effective cpus.exclusive.effective; do rows cpuset.$file = 0 1 '' abc; done
    rows io.max = '254:0 rbps=1048576' '254:0 wbps=2097152 riops=100' '254:0 wiops=max' '254:0 rbps=max wbps=max riops=max' '254:0' \
        '254:0 rbps=0' '254:0 rbps=abc' '254:0 rbps=-1' '254:0 rbps=+1' '254:0 rbps' '254:0 rbps=' '254:0 =1' '254:0 nosuch=1' '254:0 rbps=1M' '254:0 riops=4294967295' \
        '254:0 riops=4294967296' '7:99 rbps=1' '254 rbps=1' ':0 rbps=1' '254: rbps=1' '' ' ' '\n' '\x00' abc 'default rbps=1' ' 254:0 rbps=5' '254:0  rbps=6' '254:0\trbps=7' \
        '254:0 rbps=7\n' '254:0 rbps=8 abc' '254:0 rbps=0x10' '254:0 rbps=010' '254:0 rbps=08' '254:1 rbps=1' '254:16 rbps=9' '254:0 RBPS=1' \
        '254:0 rbps=18446744073709551615' '254:0 rbps=18446744073709551616' '254:0 rbps=1,wbps=2' '254:0 rbps = 1' '254:0 rbps=1 rbps=2' '254:0 rbps=3\x00x' \
        '254:0 rbps=4\n254:16 rbps=4' '254:0 rbps=max' '254:0 rbps=Max' '254:0 rbps=maxx' '254:0 rbps=\{4080*0}5' '254:0 rbps=\{4096*0}5' '254:16 rbps=max'
    rows io.weight = 200 1 10000 0 10001 -1 +5 abc '' ' ' '\n' '\x00' 'default 50' 'default 0' 'default' 'default ' 'default abc' 'default  60' 'default\t70' 'default 80 90' \
        '254:0 300' '254:0 0' '254:0 10001' '254:0' '254:0 default' '7:99 5' '100 200' '150\n' ' 160' '170 ' 0x10 010 08 max Default 'default -1' 'default 0x20' '180\x00x' \
        4294967297 18446744073709551616 '190x' '\xa0191' '\{4093*0}192' '\{4094*0}192'
    rows io.stat - 0 ''
    for size in 2MB 1GB; do
        for file in max rsvd.max; do rows hugetlb.$size.$file = 4M 2097151 2097152 3000000 "${texts_page[@]}"; done
        for file in current rsvd.current events events.local; do rows hugetlb.$size.$file = 0 '' abc; done
        rows hugetlb.$size.numa_stat - 0 '' abc
    done
    rows pids.max = "${limits[@]}"
    for file in current peak events events.local; do rows pids.$file = 0 '' abc; done
    common_rows
    for file in current events events.local peak; do rows misc.$file = 0 '' abc; done
    rows rdma.current = 0 '' abc
    # What a device is told here it keeps, so the order matters.
    rows /io.cost.qos = '7:99 enable=1' '254:1 enable=1' '254:0' abc '' ' ' '\n' '\x00' '254:0 enable' '254:0 enable=x' '254:0 x=1' '254:0 ctrl=x' \
        '254:0 model=linear' '254:0 enable=1' '254:0 enable=0' '254:0 enable=2' '254:0 enable=-1' '254:0 enable=18446744073709551616' '254:0 enable= 1' \
        '254:0 enable=0 enable=1' '254:0 enable=0' '254:0 ' '254:0 \n' ' 254:0  enable=0\n' '254:0\tenable=0' '254:0 ENABLE=0' '254:0 ctrl=auto' '254:0 ctrl=user' \
        '254:0 ctrl=' '254:0 ctrl=users' '254:0 rpct=95.00 rlat=5000' '254:0 rpct=95.5' '254:0 rpct=1.234' '254:0 rpct=100' '254:0 rpct=100.01' '254:0 rpct=101' \
        '254:0 rpct=-1' '254:0 rpct=x' '254:0 rpct=' '254:0 rpct=.5' '254:0 rpct=0x5' '254:0 wpct=10' '254:0 rlat=0' '254:0 rlat=x' '254:0 rlat=-1' '254:0 rlat=010' \
        '254:0 rlat=18446744073709551615' '254:0 rlat=18446744073709551616' '254:0 wlat=1' '254:0 rlat=7 x=1' '254:0 min=50 max=150' '254:0 min=200' '254:0 max=40' \
        '254:0 min=0' '254:0 max=20000' '254:0 max=10000' '254:0 min=1' '254:0 min=0.5' '254:0 min=-1' '254:0 rlat=9 ctrl=auto' '254:0 rlat=9' '254:0 ctrl=auto rlat=11' \
        '254:0 enable=0 rlat=12\x00x' '254:0 rlat=13,wlat=13' '254:0 rlat=14  wlat=14' '254:0 rlat=15\twlat=15' '254:0 ctrl=auto' '254:0 ctrl=user' '254:16 enable=0' \
        '254:0 enable=0\n254:16 enable=1' '254:0 enable=0\{4080* }' '254:16 ctrl=auto'
    rows /io.cost.model = '7:99 ctrl=user' '254:0' abc '' ' ' '\n' '\x00' '254:0 ' '254:0 enable=1' '254:0 ctrl=x' '254:0 model=x' '254:0 model=linear' '254:0 model' \
        '254:0 ctrl=user' '254:0 ctrl=user rbps=1' '254:0 rbps=1000000' '254:0 rseqiops=100' '254:0 rrandiops=100' '254:0 wbps=2000000' '254:0 wseqiops=0' '254:0 rbps=0' \
        '254:0 rbps=x' '254:0 rbps=-1' '254:0 rbps=18446744073709551615' '254:0 rbps=18446744073709551616' '254:0 wrandiops=18446744073709551616' '254:0 rbps=5 x=1' \
        '254:0 rbps=010' '254:0 rbps=0x10' '254:0 rlat=5' '254:0 ctrl=auto' '254:0 ctrl=user' '254:0 rbps=8192' '254:0 ctrl=auto rbps=9' '254:0 rbps=77 ctrl=auto' \
        '254:0 model=linear rbps=4096' '254:16 ctrl=user' '254:16 wbps=12345' '254:16 ctrl=auto' '254:0 ctrl=auto'
    # With a cost model a device has a weight of its own.
    rows io.weight = '254:0 300' '254:0 0' '254:0 10001' '254:0 x' '254:0 ' '254:0' '254:16 5' '254:0 200' 'default 50' '254:0 default' '254:0 defaultx' '254:0\t7 8' \
        '254:0 4294967297' '254:16 default'
    for file in io.stat misc.capacity misc.current misc.peak cpuset.cpus.effective cpuset.mems.effective cpuset.cpus.isolated; do rows /$file - 0 '' abc; done
}

# rdma and misc have no device and no resource to limit.
common_rows() {
    rows rdma.max = 'mlx4_0 hca_handle=2' 'mlx4_0 hca_handle=max hca_object=2000' mlx4_0 'mlx4_0 ' '' ' ' '\n' '\x00' abc 'mlx4_0 nosuch=1' 'mlx4_0 hca_handle=-1' \
        'mlx4_0 hca_handle=2 hca_handle=3' 'mlx4_0 hca_handle=' 'mlx4_0 hca_handle' a=1 'mlx4_0 hca_handle=abc' 'mlx4_0\thca_handle=1' ' mlx4_0 hca_handle=1' \
        'mlx4_0 hca_handle=2147483648' 'mlx4_0 =' 'x hca_handle=max' '\{4096*x}' '\{4097*x}'
    rows misc.max = 'sev 5' 'sev max' 'nosuch 5' sev 'sev ' '' ' ' '\n' '\x00' 'sev abc' 'sev -1' 5 'sev_es 5' ' sev 5' 'sev\t5' 'sev 5 6' '\{4096*x}' '\{4097*x}'
}

{
    "v${HIER}_rows"
    ((HIER == 2)) || common_rows
} | putrows "$CG"
