# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# cgroup.events: populated follows processes anywhere below; zombies do not count.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b/c
say a/cgroup.events a/b/cgroup.events
puppet p a/b/c
puppet q a
run 'grep -h populated a/cgroup.events a/b/cgroup.events a/b/c/cgroup.events'
finish p
becomes 'b is empty' 'grep -q "populated 0" a/b/cgroup.events'
run 'grep -h populated a/cgroup.events'
id=$(id_of q)
echo "$id" >a/b/cgroup.procs
run 'grep -h populated a/cgroup.events a/b/cgroup.events a/b/c/cgroup.events'
echo "$id" >cgroup.procs
run 'grep -h populated a/cgroup.events a/b/cgroup.events'
finish q
run 'rmdir a/b/c a/b a; ls -d a'
