# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# freezer.state: who is frozen, and by whom.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../freezer"
mkdir t t/u
show() { say t/freezer.* t/u/freezer.*; }
show
for v in FROZEN THAWED $'FROZEN\n' ' THAWED ' FREEZING frozen '' ' ' 1 'FROZEN X'; do put t/freezer.state "$v"; done
section 'a child of a frozen group'
put t/freezer.state FROZEN
show
put t/u/freezer.state THAWED
put t/u/freezer.state FROZEN
put t/freezer.state THAWED
show
put t/u/freezer.state THAWED
section 'a process'
sleep 1000 &
one=$!
echo "$one" >t/u/cgroup.procs
put t/freezer.state FROZEN
becomes 'frozen' 'grep -q FROZEN t/freezer.state t/u/freezer.state && ! grep -q FREEZING t/freezer.state'
section 'made below a frozen group'
mkdir t/v
say t/v/freezer.*
section 'a frozen process stays where it is'
run 'echo '"$one"' >cgroup.procs' | sed "s/$one/ONE/"
put t/freezer.state THAWED
run 'echo '"$one"' >cgroup.procs' | sed "s/$one/ONE/"
kill "$one"
wait "$one" 2>/dev/null
run 'rmdir t/v t/u t'
