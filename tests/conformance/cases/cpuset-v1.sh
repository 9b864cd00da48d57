# SPDX-License-Identifier: MIT
# NEEDS: v1 numa
# PROFILE: 6.1
#
# What the files of a v1 cpuset take, and how they hang together.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../cpuset"
mkdir t
section 'lists'
for file in cpuset.cpus cpuset.mems; do
    for v in 0 0-1 1,0 $'\n' 0-3 0-4 4 0-1,3 0-1:1/2 0-3:1/2 3-0 -1 abc all none 0x1 ' 0 ' $'0\n' '0, 1' '0 1' 0,,1 ',' 00 0-; do
        put "t/$file" "$v"
    done
done
section 'switches'
for file in cpuset.cpu_exclusive cpuset.mem_exclusive cpuset.mem_hardwall cpuset.sched_load_balance cpuset.memory_migrate \
    cpuset.memory_spread_page cpuset.memory_spread_slab; do
    for v in 1 0 2 -1 '' abc ' 1' $'0\n'; do put "t/$file" "$v"; done
done
for v in 0 5 -1 6 4 -2 '' abc; do put t/cpuset.sched_relax_domain_level "$v"; done
put t/cpuset.effective_cpus 0
put t/cpuset.memory_pressure 0
for v in 1 2 0; do put cpuset.memory_pressure_enabled "$v"; done
section 'the root'
put cpuset.cpus 0
put cpuset.mems 0
put cpuset.cpu_exclusive 0
put cpuset.sched_load_balance 1
section 'no member without CPUs and memory'
echo >t/cpuset.cpus
echo >t/cpuset.mems
sleep 1000 &
one=$!
join() { echo "$1: $(errno_of one_write "$1/cgroup.procs" "$one")"; }
join t
put t/cpuset.cpus 0
join t
put t/cpuset.mems 0
join t
put t/cpuset.cpus $'\n'
put t/cpuset.mems $'\n'
join .
put t/cpuset.cpus $'\n'
put t/cpuset.mems $'\n'
section 'a child is within its parent'
put t/cpuset.cpus 0-1
put t/cpuset.mems 0
mkdir t/u
say t/u/cpuset.cpus t/u/cpuset.mems t/u/cpuset.effective_cpus
put t/u/cpuset.cpus 0-2
put t/u/cpuset.cpus 1
put t/u/cpuset.mems 1
put t/u/cpuset.mems 0
put t/cpuset.cpus 0
put t/cpuset.mems 1
say t/u/cpuset.effective_cpus t/u/cpuset.effective_mems
section 'exclusive ones share nothing'
mkdir s
put s/cpuset.cpus 1-2
put s/cpuset.mems 0-1
put t/cpuset.cpu_exclusive 1
put s/cpuset.cpus 2-3
put t/cpuset.cpu_exclusive 1
put s/cpuset.cpus 1-3
put t/u/cpuset.cpu_exclusive 1
put t/cpuset.cpu_exclusive 0
put t/cpuset.mem_exclusive 1
put s/cpuset.mems 1
put t/cpuset.mem_exclusive 1
put s/cpuset.mems 0
put t/u/cpuset.cpu_exclusive 0
put t/cpuset.cpu_exclusive 0
section 'clone_children'
put t/cgroup.clone_children 1
mkdir t/c
say t/c/cpuset.cpus t/c/cpuset.mems t/c/cgroup.clone_children t/c/cpuset.mem_exclusive
put t/cpuset.mem_exclusive 0
mkdir t/d
say t/d/cpuset.cpus t/d/cpuset.mems t/d/cgroup.clone_children
rmdir t/c t/d
section 'spread goes down'
put t/cpuset.memory_spread_page 1
mkdir t/e
say t/e/cpuset.memory_spread_page t/e/cpuset.memory_spread_slab t/e/cpuset.memory_migrate
put cpuset.cpu_exclusive 1
kill "$one"
wait "$one" 2>/dev/null
rmdir t/e t/u t s
