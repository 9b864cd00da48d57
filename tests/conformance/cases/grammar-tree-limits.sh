# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# cgroup.max.depth and cgroup.max.descendants: what they take.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
for f in cgroup.max.depth cgroup.max.descendants; do
    section "$f"
    for v in 0 1 10 -1 max MAX ' max' 'max ' $'max\n' $'5\n' ' 5 ' '' 0x10 010 08 1.5 1K x +3 -0 2147483647 \
        2147483648 4294967295 4294967296 9223372036854775808 18446744073709551616 '1 2'; do
        put t/$f "$v"
    done
done
section 'on the root too'
put cgroup.max.depth 5
put cgroup.max.descendants 100
echo max >cgroup.max.depth
echo max >cgroup.max.descendants
