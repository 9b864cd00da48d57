# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: 6.1 6.12
#
# Root may open any file either way; the file itself then refuses what it has no handler for.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 1 > t/memory.stat'
run 'echo 1 > t/memory.numa_stat'
if ((HIER == 1)); then
    run 'echo 1 > t/memory.usage_in_bytes'
    run 'cat t/memory.force_empty'
    run 'cat t/cgroup.event_control'
    run 'cat t/memory.pressure_level'
else
    run 'echo 1 > t/memory.current'
    run 'echo 0 > t/memory.events'
    run 'cat t/memory.reclaim'
    run 'cat t/cgroup.kill'
fi
