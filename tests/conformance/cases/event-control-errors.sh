# SPDX-License-Identifier: MIT
# NEEDS: v1 root
# PROFILE: 6.1
#
# What cgroup.event_control refuses.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t u
section 'the text'
for text in ' ' x 0 '0 0' '1 2' '99 98' '-1 3' '3 x' '0 0 5M' '0x1 2'; do
    printf '%-10s %s\n' "${text@Q}" "$(errno_of one_write t/cgroup.event_control "$text")"
done
section 'the file'
for file in memory.usage_in_bytes memory.memsw.usage_in_bytes memory.oom_control \
    memory.pressure_level memory.limit_in_bytes memory.stat memory.failcnt cgroup.procs tasks \
    memory.kmem.usage_in_bytes notify_on_release; do
    echo "$file: $(evwait -t 100 eventfd t/$file 5M | tr '\n' ' ')"
done
section 'thresholds'
for text in 0 1 4096 5M 5m -1 max 5x '' ' 5M' '5M ' '5M 6M' 9223372036854775807 0x1000; do
    echo "${text@Q}: $(evwait -t 100 eventfd t/memory.usage_in_bytes "$text" | tr '\n' ' ')"
done
section 'pressure levels'
for text in low medium critical Low '' x low,default low,local low,hierarchy low,x 'low local' \
    medium,local,default 'critical,' critical,hierarchy critical,hierarchy,x critical,hierarchyx; do
    echo "${text@Q}: $(evwait -t 100 eventfd t/memory.pressure_level "$text" | tr '\n' ' ')"
done
section 'a file of another group, of another file system, a directory, no eventfd'
exec 5<u/memory.usage_in_bytes 6</etc/passwd 7<t/memory.usage_in_bytes 8<t
for text in '5 7 5M' '7 6 5M' '6 7 5M' '8 7 5M'; do
    echo "$text: $(errno_of one_write t/cgroup.event_control "$text")"
done
