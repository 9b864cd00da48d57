# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# What pids.max stops: forks, but no one who comes in.
. "${CASE_LIB:-/case/lib.sh}"
if ((HIER == 1)); then PIDS=$CG/../pids; cd "$PIDS"; else PIDS=$CG; cd "$CG" && echo +pids >cgroup.subtree_control; fi
mkdir t t/u
section 'who comes in may exceed it'
echo 0 >t/pids.max
sleep 1000 &
one=$!
sleep 1000 &
two=$!
run 'echo '"$one"' >t/u/cgroup.procs' | sed "s/$one/ONE/"
say t/pids.current t/u/pids.current t/pids.events t/u/pids.events
run 'echo '"$two"' >t/u/cgroup.procs' | sed "s/$two/TWO/"
say t/pids.current t/u/pids.current t/pids.events t/u/pids.events t/pids.max
say t/pids.peak
section 'those who leave are counted off'
kill "$one"
wait "$one" 2>/dev/null
becomes 'one left' '[[ $(cat t/pids.current) = 1 ]]'
kill "$two"
wait "$two" 2>/dev/null
becomes 'none left' '[[ $(cat t/pids.current) = 0 ]]'
becomes 'empty' 'rmdir t/u'
rmdir t
