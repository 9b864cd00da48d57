# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: alinux2
# GOLDEN: tsv
#
# What the files take that Alibaba's kernels add.
. "${CASE_LIB:-/case/lib.sh}"
start

wmarks=(95 ' 95' '96\n' '\t95\v' +95 -0 0x5f 0X5E 0137 08 00 0 100 101 1 1000 1001 500 '20\x00junk' -1 -25 -26 50 51 12 '5\xa0' '\xa06'
    max 50% 95.0 0x + - ++1 '9 5' x 1K 2147483648 4294967295 4294967296 18446744073709551616 '\n' ' ' '\x00' '\{4095*0}7' '\{4096*0}7' '\{4095* }7')

{
    for file in wmark_ratio wmark_scale_factor; do rows memory.$file = "${wmarks[@]}"; done
    for file in priority use_priority_oom; do rows memory.$file = "${texts_u64[@]}" 5 12 13; done
    if ((HIER == 1)); then
        rows memory.wmark_min_adj = "${wmarks[@]}"
        for file in min low high; do rows memory.$file = "${texts_page[@]}"; done
        for file in direct_reclaim_memcg_latency direct_reclaim_global_latency direct_compact_latency direct_swapout_global_latency \
            direct_swapout_memcg_latency direct_swapin_latency dirty_throttle_latency; do
            rows memory.$file = "${texts_u64[@]}"
            rows /memory.$file - 1 x 0
        done
    fi
    for file in wmark_high wmark_low; do rows memory.$file = "${texts_any[@]}"; done
    rows /memory.use_priority_oom = 1 2 x 0
} | putrows "$CG"
