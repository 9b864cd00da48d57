# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# The limits of hugetlb: what they take.
. "${CASE_LIB:-/case/lib.sh}"
if ((HIER == 1)); then
    max=limit_in_bytes
    cd "$CG/../hugetlb"
else
    max=max
    cd "$CG"
    echo +hugetlb >cgroup.subtree_control
fi
mkdir t
for size in 2MB 1GB; do
    for file in hugetlb.$size.$max hugetlb.$size.rsvd.$max; do
        for v in 4M 2097152 2097151 3000000 1G 2G 0 -1 max '' ' ' ' 4M ' $'6M\n' 8MB abc 0x400000 -2 18446744073709551615 18446744073709551616 9223372036854775807; do
            put "t/$file" "$v"
        done
    done
done
if ((HIER == 1)); then
    put t/hugetlb.2MB.failcnt 0
    put t/hugetlb.2MB.max_usage_in_bytes 0
    put t/hugetlb.2MB.failcnt abc
    put t/hugetlb.2MB.max_usage_in_bytes 5
    put hugetlb.2MB.limit_in_bytes 4M
fi
rmdir t
