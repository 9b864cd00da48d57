# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# A child of v1 takes over some settings and not others.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo 8M >a/memory.limit_in_bytes
echo 6M >a/memory.soft_limit_in_bytes
echo 10 >a/memory.swappiness
echo 1 >a/memory.oom_control
echo 3 >a/memory.move_charge_at_immigrate
echo 1 >a/notify_on_release
mkdir a/b
for f in memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.swappiness memory.oom_control \
    memory.move_charge_at_immigrate memory.use_hierarchy notify_on_release memory.usage_in_bytes; do
    say a/b/$f
done
run 'grep hierarchical a/b/memory.stat'
section 'changing the child does not change the parent'
echo 20 >a/b/memory.swappiness
echo 0 >a/b/memory.oom_control
say a/memory.swappiness a/memory.oom_control
section 'nor the parent the child'
echo 50 >a/memory.swappiness
say a/b/memory.swappiness
run 'echo 16M > a/b/memory.limit_in_bytes; cat a/b/memory.limit_in_bytes'
run 'grep hierarchical_memory a/b/memory.stat'
