# SPDX-License-Identifier: MIT
# NEEDS: v2 run
# PROFILE: 6.1 6.12
#
# pids.max refuses forks and threads, its own and those of groups below; nobody is refused a move.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG" || exit 9
echo +pids >cgroup.subtree_control
mkdir -p a/b
echo +pids >a/cgroup.subtree_control

# in_group GROUP STEP...: forks, as a member of GROUP.
in_group() {
    local group=$1
    shift
    bash -c 'echo $$ >"$0/cgroup.procs"; exec forks "$@"' "$group" "$@"
}
events() { say a/pids.events a/b/pids.events a/pids.events.local a/b/pids.events.local; }

section 'processes and threads count, and what has ended does not'
echo 3 >a/b/pids.max
in_group a/b fork show a/b/pids.current fork fork vfork thread end fork end vfork thread fork
events
section 'a limit above'
echo max >a/b/pids.max
echo 2 >a/pids.max
in_group a/b fork fork vfork show a/b/pids.current show a/pids.current
events
section 'one at a time: many at once, and no more than there is room for'
echo 24 >a/pids.max
in_group a/b storm 16
becomes 'gone' '[ "$(cat a/pids.current)" = 0 ]'
events
section 'a limit below what is there'
echo max >a/pids.max
echo 1 >a/b/pids.max
sleep 1000 &
one=$!
sleep 1000 &
two=$!
echo "$one" >a/b/cgroup.procs
run "echo $two >a/b/cgroup.procs" | sed "s/$two/TWO/"
say a/b/pids.current a/pids.current
in_group a/b fork
echo 0 >a/b/pids.max
in_group a/b fork
events
kill "$one" "$two"
becomes 'empty' 'rmdir a/b a; [ ! -d a ]'
