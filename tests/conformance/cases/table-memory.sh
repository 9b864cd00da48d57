# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: 6.1 6.12
# GOLDEN: tsv
#
# What each file of the memory controller takes, in a fresh group and in the root.
. "${CASE_LIB:-/case/lib.sh}"
start

v1_rows() {
    local file
    for file in limit soft_limit memsw.limit kmem.limit kmem.tcp.limit; do
        rows memory.${file}_in_bytes = "${texts_page[@]}"
    done
    for file in swappiness move_charge_at_immigrate oom_control use_hierarchy; do
        rows memory.$file = "${texts_u64[@]}"
    done
    for file in max_usage_in_bytes failcnt force_empty kmem.max_usage_in_bytes kmem.failcnt kmem.tcp.max_usage_in_bytes \
        kmem.tcp.failcnt memsw.max_usage_in_bytes memsw.failcnt pressure_level usage_in_bytes stat numa_stat kmem.slabinfo; do
        case $file in *stat) rows memory.$file - "${texts_any[@]}" ;; *) rows memory.$file = "${texts_any[@]}" ;; esac
    done
    for file in limit memsw.limit kmem.limit kmem.tcp.limit; do
        rows /memory.${file}_in_bytes = 4096 -1 abc '' max '\n' 1G
    done
    rows /memory.soft_limit_in_bytes = 4096 1G abc max 16E -1
    rows /memory.swappiness = 0 200 201 -1 abc 60
    rows /memory.oom_control = 0 1 2 abc
    rows /memory.use_hierarchy = 0 1 2 abc
    rows /memory.move_charge_at_immigrate = 1 3 4 abc 0
    rows /memory.force_empty - 0 x ''
    rows /memory.max_usage_in_bytes - 0 x ''
    for file in failcnt memsw.failcnt kmem.failcnt kmem.tcp.failcnt kmem.tcp.max_usage_in_bytes; do rows /memory.$file = 0 x ''; done
    for file in memsw.max_usage_in_bytes kmem.max_usage_in_bytes; do rows /memory.$file - 0 x ''; done
}

v2_rows() {
    local file
    for file in max high low min swap.max swap.high zswap.max; do
        rows memory.$file = "${texts_page[@]}"
    done
    for file in oom.group zswap.writeback; do
        rows memory.$file = "${texts_int[@]}"
    done
    rows memory.reclaim = "${texts_page[@]}" '1 swappiness=10' '1 swappiness=200' '1 swappiness=201' '1 swappiness=-1' '1 swappiness=+1' \
        '1 swappiness=0x10' '1 swappiness=010' '1 swappiness=08' '1 swappiness=' '1 swappiness' '1 swappiness=max' '1 swappiness=1 swappiness=2' \
        '1  swappiness=1' '1 swappiness=1 ' '1 swappiness=1x' '1 swappiness=1 x' '1swappiness=1' '1\tswappiness=1' '1\nswappiness=1' \
        'Kswappiness=1' 'K swappiness=1' 'swappiness=1' '1 Swappiness=1' '1,swappiness=1' '1 swappiness = 1' '1 swappiness=4294967297' \
        '1 swappiness=18446744073709551616' '1 foo' '1 foo=1' '0 swappiness=1' '1M swappiness=1' '1 swappiness=\x00'
    for file in peak swap.peak current events events.local swap.current swap.events zswap.current; do
        rows memory.$file = "${texts_any[@]}"
    done
    for file in stat numa_stat; do
        rows memory.$file - "${texts_any[@]}"
    done
    rows /memory.reclaim - 0 1 K abc max ' ' '1 swappiness=300'
    rows /memory.zswap.writeback = 0 2 -1 abc 1
}

"v${HIER}_rows" | putrows "$CG"
