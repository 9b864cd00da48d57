# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# The v1 files that hold a number or a switch.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
for f in memory.swappiness notify_on_release cgroup.clone_children memory.use_hierarchy memory.oom_control; do
    section "$f"
    for v in 0 1 2 100 101 200 201 -1 0x1 ' 1' '1 ' $'0\n' '' ' ' x 1x 1.0 +1 -0 \
        4294967296 9223372036854775808 18446744073709551615 18446744073709551616; do
        put t/$f "$v"
    done
done
section 'of the root'
for v in 0 1; do put memory.oom_control $v; done
put memory.swappiness 30
put memory.swappiness 60
put memory.use_hierarchy 1
put memory.use_hierarchy 0
section 'what a new child takes over'
echo 35 >t/memory.swappiness
echo 1 >t/notify_on_release
echo 1 >t/cgroup.clone_children
mkdir t/c
say t/c/memory.swappiness t/c/notify_on_release t/c/cgroup.clone_children t/c/memory.oom_control
