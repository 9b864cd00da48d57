# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# A thread that is written to cgroup.threads is in a place of its own, within its process's domain.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
echo +pids >cgroup.subtree_control
mkdir -p d/x d/y e
echo threaded >d/x/cgroup.type
echo threaded >d/y/cgroup.type
echo +pids >d/cgroup.subtree_control
lists=(list d/cgroup.procs list d/cgroup.threads list d/x/cgroup.threads list d/y/cgroup.threads)
counts=(show d/pids.current show d/x/pids.current show d/y/pids.current)
section 'one thread'
threads new new write d/cgroup.procs 0 "${lists[@]}" \
    write d/x/cgroup.threads %T1 "${lists[@]}" "${counts[@]}" \
    write d/y/cgroup.threads %T1 "${lists[@]}" "${counts[@]}" \
    show d/cgroup.events show d/x/cgroup.events show d/y/cgroup.events \
    write d/cgroup.threads %T1 "${lists[@]}" "${counts[@]}" show d/y/cgroup.events
section '0 is the thread that writes'
threads new write d/x/cgroup.procs 0 by 1 write d/y/cgroup.threads 0 "${lists[@]}" \
    write d/x/cgroup.threads 0 "${lists[@]}"
section 'the first thread alone'
threads new new write d/x/cgroup.procs 0 write d/y/cgroup.threads %T0 "${lists[@]}" "${counts[@]}" \
    write d/y/cgroup.threads %T2 "${lists[@]}" write d/y/cgroup.threads %T1 "${lists[@]}" \
    "${counts[@]}"
section 'a process takes its threads along, from wherever they are'
threads new new write d/cgroup.procs 0 write d/x/cgroup.threads %T1 write d/y/cgroup.threads %T2 \
    "${counts[@]}" write d/x/cgroup.procs %T2 "${lists[@]}" "${counts[@]}" \
    write d/y/cgroup.threads %T1 write e/cgroup.procs %T1 "${lists[@]}" "${counts[@]}" \
    list e/cgroup.threads show e/cgroup.procs show e/pids.current
section 'not out of the domain'
threads new write d/cgroup.procs 0 write e/cgroup.threads %T1 write cgroup.threads %T1 \
    write d/x/cgroup.threads %T1 write e/cgroup.threads %T1 write e/cgroup.threads %T0 "${lists[@]}"
section 'not into the domain'
threads new write d/x/cgroup.threads %T1 write e/cgroup.procs 0 write d/x/cgroup.threads %T1 \
    write d/x/cgroup.procs %T1 "${lists[@]}"
section 'a thread that has ended is in no group'
threads new new write d/cgroup.procs 0 write d/x/cgroup.threads %T1 write d/x/cgroup.threads %T2 \
    end 1 "${lists[@]}" "${counts[@]}" end 2 "${lists[@]}" "${counts[@]}" show d/x/cgroup.events
section 'a domain by a controller that is handed out to threads'
rmdir d/x d/y
threads new write d/cgroup.procs 0 show d/cgroup.type show d/cgroup.threads
echo -pids >d/cgroup.subtree_control
threads new write d/cgroup.procs 0 show d/cgroup.type write d/cgroup.threads %T1 show d/cgroup.threads
section 'killed with the process'
mkdir -p d/x
echo threaded >d/x/cgroup.type
mkfifo "$TMP/go"
threads new write d/cgroup.procs 0 write d/x/cgroup.threads %T1 write "$TMP/go" 1 show "$TMP/go" \
    >/dev/null &
disown
read -r -N 1 <"$TMP/go"
run 'rmdir d/x'
put d/x/cgroup.kill 1
run 'echo 1 >d/cgroup.kill'
becomes 'gone' '[[ $(<d/cgroup.events)$(<e/cgroup.events) != *"populated 1"* ]]'
rmdir d/x d e
