# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# A thread that is written to tasks is in a place of its own.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../pids"
mkdir -p a/in b
lists=(show a/tasks show a/cgroup.procs show a/in/tasks show a/in/cgroup.procs show b/tasks
    show b/cgroup.procs)
counts=(show a/pids.current show a/in/pids.current show b/pids.current)
section 'one thread'
threads new new write a/cgroup.procs 0 "${lists[@]}" \
    write b/tasks %T1 "${lists[@]}" "${counts[@]}" \
    write a/in/tasks %T1 "${lists[@]}" "${counts[@]}" \
    write a/tasks %T1 "${lists[@]}" "${counts[@]}"
section '0 is the thread that writes'
threads new write a/cgroup.procs 0 by 1 write b/tasks 0 "${lists[@]}" write a/tasks 0 "${lists[@]}"
section 'the first thread alone'
threads new new write a/cgroup.procs 0 write b/tasks %T0 "${lists[@]}" "${counts[@]}" \
    write b/tasks %T2 "${lists[@]}" write b/tasks %T1 "${lists[@]}" "${counts[@]}"
section 'a process takes its threads along, from wherever they are'
threads new new write a/cgroup.procs 0 write b/tasks %T1 write a/in/tasks %T2 "${counts[@]}" \
    write a/cgroup.procs %T0 "${lists[@]}" "${counts[@]}" \
    write b/tasks %T1 write a/in/tasks %T2 write b/cgroup.procs %T2 "${lists[@]}" "${counts[@]}"
section 'a process of one thread'
threads write a/tasks 0 "${lists[@]}" write b/tasks %T0 "${lists[@]}" "${counts[@]}"
section 'who keeps a group busy'
mkfifo "$TMP/go"
threads new write a/cgroup.procs 0 write b/tasks %T1 write "$TMP/go" 1 show "$TMP/go" >"$TMP/said" &
read -r -N 1 <"$TMP/go"
run 'rmdir b'
echo >"$TMP/go"
wait
run 'cat "$TMP/said" | head -n 3'
section 'a thread that has ended is in no group'
threads new new write a/cgroup.procs 0 write b/tasks %T1 write b/tasks %T2 end 1 "${lists[@]}" \
    "${counts[@]}" end 2 "${lists[@]}" "${counts[@]}"
section 'other hierarchies are not touched'
mkdir ../memory/m
threads new write a/cgroup.procs 0 write b/tasks %T1 write ../memory/m/cgroup.procs 0 \
    show ../memory/m/tasks "${lists[@]}" write ../memory/tasks %T0 show ../memory/m/tasks show ../memory/m/cgroup.procs "${lists[@]}"
rmdir ../memory/m
section 'ids of nobody'
threads new end 1 write a/tasks %T1 write a/tasks -1
run 'rmdir a/in a b'
