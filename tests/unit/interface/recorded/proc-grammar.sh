#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the files of /proc and /sys that can be written take, as a grammar table (conformance/rows.h).
# Runs in a guest: scripts/record-proc. All the rows are played in their order on one machine.
# shellcheck source=/dev/null
. /lib.sh
vm=/proc/sys/vm
# Spaces and signs, bases, ends of text, ranges.
grammar=(1 0 ' 1' '1 ' '\t1\v' '\n0' '0\n\n' 0x1 0X0 010 00 08 +1 -0 +-1 ++1 - + -1 0x 0xg 1x x '' '\n' ' ' '\x00' '1\x00' '0\x002'
    '1 0' '0\t1' '1\n0' '1 x' '0,1' 1.5 '0 ' '\xa01' '1\xa0' 1K '\{30*0}1' '\{4090*0}1' '\{4095*0}1' '\{4096*0}1' '\{4094* }1' '\{4097* }'
    2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 4294967297 9223372036854775807 9223372036854775808
    18446744073709551615 18446744073709551616 99999999999999999999999 '{21*0}1' '{22*0}1')
small=(2 3 4 5 6 7 8 9 10 99 100 101 200 201 255 256 999 1000 1001 2999 3000 3001)

write_drop_caches() { for text in "$@"; do rows $vm/drop_caches - "$text"; done; }
{
    for file in swappiness watermark_scale_factor overcommit_memory panic_on_oom oom_kill_allocating_task oom_dump_tasks page-cluster \
        dirty_expire_centisecs vfs_cache_pressure zone_reclaim_mode watermark_boost_factor; do
        rows $vm/$file = "${grammar[@]}" "${small[@]}" 1
    done
    # More than there is memory makes the guest unhappy, so no large ones.
    for text in "${grammar[@]}" 4096 4505; do
        [[ $text =~ ^[0-9]{10,19}$ && $text != 9223372036854775808 ]] || rows $vm/min_free_kbytes = "$text"
    done
    for file in dirty_ratio dirty_background_ratio; do
        rows $vm/$file = "${grammar[@]}" "${small[@]}" 20
    done
    for file in dirty_bytes dirty_background_bytes; do
        rows $vm/$file = "${grammar[@]}" 4095 4096 8191 8192 8193 1000000000000
    done
    # Of each two the one written last counts.
    for text in dirty_ratio:30 dirty_bytes:1000000 dirty_ratio:40 dirty_background_ratio:5 dirty_background_bytes:50000 dirty_background_ratio:6; do
        for read in dirty_ratio dirty_bytes dirty_background_ratio dirty_background_bytes; do
            rows $vm/${text%:*} $vm/$read ${text#*:}
        done
    done
    rows $vm/dirty_writeback_centisecs = "${grammar[@]}" 500
    rows $vm/lowmem_reserve_ratio = 256 '256 256' '256\t256\t32\t0\t0' '1 2 3 4 5' '1 2 3 4 5 6' '1 2 3 4 5 ' '1 2 3 4 5 x' '1 2 3 4 x' '1 2 x 4 5' \
        '9 9x' x '' '\n' ' ' '0 0 0 0 0' '-1 -2 -3 -4 -5' '7,8,9' '1\n2\n3' ' 1  2   3 ' '2147483648 1' '1 2147483648' '1 2 99999999999999999999999' \
        '0x10 010' '256 256 32 0 0'
    write_drop_caches "${grammar[@]}" 2 3 4 5 6 7 8 9 10
    rows /proc/self/oom_score_adj = "${grammar[@]}" "${small[@]}" -1 -10 -1000 -1001 -999 0
    rows /proc/self/oom_adj = "${grammar[@]}" 15 16 -16 -17 -18 7 0
    for text in 15 16 -17 8 1 0; do rows /proc/self/oom_adj /proc/self/oom_score_adj $text; done
    for text in 1000 -1000 999 -999 1 500 58 59 0; do rows /proc/self/oom_score_adj /proc/self/oom_adj $text; done
    for file in memory io cpu; do
        rows /proc/pressure/$file - 'some 150000 1000000' 'some 150000 1000000\n' 'some 150000 1000000\x00' 'some 150000 1000000 ' \
            'full 150000 1000000\n' 'some 500000 500000\n' 'some 100000 499999\n' 'some 100000 10000001\n' 'some 0 1000000\n' 'x' '\n' '' \
            ' some 150000 1000000\n' 'some 150000\n' 'some 150000 1000000 and some more\n' 'some 150000 1000000 and more than thirty two bytes' \
            'some 000000000000150000 1000000\n' 'some 00000000000000150000 1000000\n' 'some\t150000\v1000000\n' 'some150000 1000000\n' \
            'Some 150000 1000000\n' 'some 1000001 1000000\n' 'some 1000000 1000000\n' 'some -1 1000000\n' 'some 0x10 1000000\n'
    done
    rows /sys/devices/system/memory/memory1/state = x '' '\n' ' ' online 'online\n' 'online\n\n' ' online' 'online ' Online \
        online_kernel 'online_kernel\n' online_movable onlinex 'online\x00' offlinex 1 0
    rows /sys/devices/system/memory/memory1/online = 1 '1\n' 1x ' 1' 2 x '' '\n' y Y yes on ON oN onx o ox + -1 1
    rows /sys/devices/system/memory/auto_online_blocks = x '' '\n' online 'online\n' 'online\n\n' ' online' Online online_kernel \
        online_movable onlinex 'online\x00' offlinex 1 offline
} >/rows
putrows /sys/fs/cgroup </rows
