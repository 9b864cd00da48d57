# SPDX-License-Identifier: MIT
# NEEDS: v1 numa
# PROFILE: 6.1
#
# What cgconfigparser does for a group of cgconfig.conf with cpu, cpuset and memory, and for
# empty ones of the others.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/.."
for tree in cpu cpuset cpuacct memory devices freezer net_cls blkio; do
    run "mkdir -p $tree/zorro; ls -d $tree/zorro"
done
put cpu/zorro/cpu.shares 6000
put cpu/zorro/cpu.cfs_quota_us 600000
put cpuset/zorro/cpuset.cpus 0-7,12-19
put cpuset/zorro/cpuset.cpus 0-1,3
put cpuset/zorro/cpuset.mems 0-1
put memory/zorro/memory.limit_in_bytes 10G
section 'cgrulesengd puts a process into all of them'
sleep 1000 &
one=$!
for tree in cpu cpuset cpuacct memory; do
    echo "$tree: $(errno_of one_write "$tree/zorro/cgroup.procs" "$one")"
    fact 'is there' "grep -qx $one $tree/zorro/tasks"
done
kill "$one"
becomes 'empty' 'rmdir cpu/zorro cpuset/zorro memory/zorro'
rmdir {devices,freezer,net_cls,blkio}/zorro
