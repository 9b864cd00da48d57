# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root run boot
# PROFILE: 6.1 6.12
#
# Memory hotplug in /sys/devices/system/memory.
. "${CASE_LIB:-/case/lib.sh}"
start
mem_total() { awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo; }
cd /sys/devices/system/memory || exit
section 'what is there'
say block_size_bytes
fact 'a directory each' '[[ $(echo memory*/) == "memory0/ memory1/ memory2/"* ]]'
ls -d memory[0-2]/{online,phys_device,phys_index,removable,state,valid_zones}
say memory1/state memory1/online memory1/phys_index memory1/removable memory0/valid_zones
find . -maxdepth 1 -name 'memory[01]' | sort
(cd memory1 && cat state ../memory0/state)
section 'one goes and comes back'
mkdir "$CG/a"
puppet p a
ask p 'anon 64M'
before=$(mem_total)
block=
for state in memory*/state; do
    if [[ $(cat "$state") == online ]] && echo offline 2>/dev/null >"$state"; then
        block=${state%/*}
        break
    fi
done
fact 'one can be taken' '[[ -n $block ]]'
say "$block/state" "$block/online" | sed "s/^$block/BLOCK/"
fact 'the machine has 128 MiB less' '(($(mem_total) == before - 131072))'
run 'echo offline >$block/state'
run 'echo 0 >$block/online'
ask p touch
run 'echo online >$block/state'
say "$block/state" "$block/online" | sed "s/^$block/BLOCK/"
fact 'all is as before' '(($(mem_total) == before))'
run 'echo online >$block/state'
run 'echo 1 >$block/online'
range 'usage' 64M 66M 'usage $CG/a'
finish p
