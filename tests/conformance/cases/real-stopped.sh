# SPDX-License-Identifier: MIT
# NEEDS: run v2
# PROFILE: 6.1
#
# A real program that a signal has stopped and another has continued is charged as before.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo 40M >a/memory.max
echo 0 >a/memory.swap.max
bash -c 'echo $$ >a/cgroup.procs; kill -STOP $$; sleep 0.3; exec realmem anon 48' 2>"$TMP/said" &
pid=$!
becomes 'stopped' "grep -q 'State:.T' /proc/$pid/status"
kill -CONT "$pid"
status=0
wait "$pid" 2>"$TMP/said" || status=$?
echo "status $status"
run 'grep -w oom_kill a/memory.events'
run 'rmdir a'
