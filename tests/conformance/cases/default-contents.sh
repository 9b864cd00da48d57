# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# A new group's memory and core files: order of the directory, modes, sizes, contents.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
section 'the root, as the directory lists it'
run 'ls -U | grep -E "^(memory|cgroup)\."'
section 'a new group, as the directory lists it'
cd t
run 'ls -U | grep -E "^(memory|cgroup|tasks|notify)"'
section 'modes, links, sizes'
run 'stat -c "%A %h %s %n" memory.* cgroup.*'
section 'contents'
for f in memory.* cgroup.*; do
    case $f in
    *numa_stat | *pressure) ;;
    memory.force_empty | memory.pressure_level | memory.reclaim | *.kill | *.event_control) ;;
    *) say "$f" ;;
    esac
done
