# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: alinux2
#
# wmark_high and wmark_low in whole pages: limit * ratio / 100, less limit * scale_factor / 10000.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
[[ $HIER == 1 ]] && none=-1 || none=max
echo 'limit ratio factor: wmark_high wmark_low'
while read -r bytes ratio factor; do
    limit t "${bytes/none/$none}"
    echo "$ratio" >t/memory.wmark_ratio
    echo "$factor" >t/memory.wmark_scale_factor
    echo "$bytes $ratio $factor: $(cat t/memory.wmark_high) $(cat t/memory.wmark_low)"
done <<'VECTORS'
1G 95 50
1G 95 1
1G 95 1000
1G 100 50
1G 100 1
1G 0 50
1G 50 50
1G 80 200
1G 1 50
1G 10 1000
1G 9 1000
1G 1 1000
512M 95 50
100M 95 50
1M 95 50
8191 50 50
4096 50 1000
4096 100 1000
0 95 50
none 95 50
none 100 50
none 0 50
VECTORS
section 'a group takes ratio and factor of its parent once, not the limit'
limit t 1G
echo 90 >t/memory.wmark_ratio
echo 70 >t/memory.wmark_scale_factor
((HIER == 1)) || echo +memory >t/cgroup.subtree_control
mkdir t/c
echo 10 >t/memory.wmark_ratio
echo 20 >t/memory.wmark_scale_factor
say t/c/memory.wmark_ratio t/c/memory.wmark_scale_factor t/c/memory.wmark_high t/c/memory.wmark_low
section 'the limit moves them'
limit t/c 200M
say t/c/memory.wmark_high t/c/memory.wmark_low
