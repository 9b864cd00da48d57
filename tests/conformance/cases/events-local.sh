# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap root localevents
# PROFILE: 6.1 6.12
#
# With the mount option memory_localevents, memory.events counts the group alone.
. "${CASE_LIB:-/case/lib.sh}"
# memcgfs has the option from the beginning.
mount -o remount,memory_localevents "$CG" 2>/dev/null
start
mkdir -p a/b
echo +memory >a/cgroup.subtree_control
echo 8M >a/b/memory.max
once a/b anon 16M
for g in a a/b; do
    for f in memory.events memory.events.local; do
        echo "$g/$f: max $(($(field $g/$f max) > 0)), oom $(field $g/$f oom), oom_kill $(field $g/$f oom_kill)"
    done
done
section 'the limit in the parent'
echo max >a/b/memory.max
echo 8M >a/memory.max
once a/b anon 16M
for g in a a/b; do
    for f in memory.events memory.events.local; do
        echo "$g/$f: max $(($(field $g/$f max) > 0)), oom $(field $g/$f oom), oom_kill $(field $g/$f oom_kill)"
    done
done
