# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# What pids.max takes.
. "${CASE_LIB:-/case/lib.sh}"
if ((HIER == 1)); then cd "$CG/../pids"; else cd "$CG" && echo +pids >cgroup.subtree_control; fi
mkdir t t/u
for v in 5 0 max ' 7 ' $'9\n' 007 0x10 -1 -0 +3 '' ' ' abc 5k 5.5 '5 5' 4194304 4194305 2147483647 9223372036854775807 \
    9223372036854775808 18446744073709551616 MAX 'max ' infinity; do
    put t/pids.max "$v"
done
section 'the file of the counts takes nothing'
put t/pids.current 5
put t/pids.events 0
put t/pids.peak 0
section 'a child knows its own value alone'
put t/pids.max 3
say t/u/pids.max
rmdir t/u t
