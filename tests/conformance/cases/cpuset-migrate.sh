# SPDX-License-Identifier: MIT
# NEEDS: v1 numa
# PROFILE: 6.1
#
# cpuset.memory_migrate: pages follow their task from node to node.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../cpuset"
mkdir 01 02 "$CG/m"
for n in 1 2; do
    put "0$n/cpuset.cpus" 1
    put "0$n/cpuset.mems" $((n - 1))
    put "0$n/cpuset.memory_migrate" 1
done
node_pages() { sed -n "s/^anon=.*N$1=\([0-9]*\).*/\1/p" "$CG/m/memory.numa_stat"; }
node_bytes() { echo $(($(node_pages "$1") * 4096)); }
puppet p m
id_of p >01/cgroup.procs
ask p 'anon 8M'
range 'on node 0' 8M 9M 'node_bytes 0'
range 'on node 1' 0 1M 'node_bytes 1'
section 'moved to the other cpuset'
id_of p >02/cgroup.procs
range 'on node 0' 0 1M 'node_bytes 0'
range 'on node 1' 8M 9M 'node_bytes 1'
section 'the cpuset itself goes elsewhere'
put 02/cpuset.mems 0
range 'on node 0' 8M 9M 'node_bytes 0'
section 'without memory_migrate they stay'
put 02/cpuset.memory_migrate 0
put 02/cpuset.mems 1
range 'on node 0' 8M 9M 'node_bytes 0'
section 'but new ones come from there'
ask p 'anon 4M'
range 'on node 1' 4M 5M 'node_bytes 1'
finish p
becomes 'empty' 'rmdir 01 02'
