# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: 6.1 6.12
#
# What a careless or hostile program does to the files of a group, and what it is told.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
section 'names by their length'
filecalls names t 1 254 255 256 1023 1024 4096 5000
section 'long writes'
mkdir u
if ((HIER == 1)); then f=memory.limit_in_bytes; else f=memory.max; fi
filecalls big u/$f 4095 4096 4097 8192 65536 131072 131073 1048577 5000000
say u/$f
rmdir u
section 'ten thousand files of groups that are removed'
if ((HIER == 1)); then
    filecalls removed "$PWD" 100 memory.limit_in_bytes memory.usage_in_bytes cgroup.procs cgroup.event_control memory.stat
else
    filecalls removed "$PWD" 100 memory.max memory.current cgroup.procs cgroup.events memory.stat
fi
run 'rmdir t; ls -d t removed*'
section 'readers that never read'
mkdir t
exec 7<t/memory.stat 8<t/cgroup.procs 9<t
run 'rmdir t && mkdir t && cat t/cgroup.procs'
run 'cat <&7'
run 'cat <&8'
exec 7<&- 8<&- 9<&-
run 'rmdir t'
