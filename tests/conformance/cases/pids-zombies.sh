# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run
# PROFILE: 6.1 6.12
#
# A process that has ended counts for pids.max until it has been waited for, and for nothing else.
. "${CASE_LIB:-/case/lib.sh}"
((HIER == 2)) || CG=/sys/fs/cgroup/pids
cd "$CG" || exit 9
((HIER == 1)) || echo +pids >cgroup.subtree_control
mkdir -p a/b
((HIER == 1)) || echo +pids >a/cgroup.subtree_control

# in_group GROUP STEP...: forks, as a member of GROUP.
in_group() {
    local group=$1
    shift
    bash -c 'echo $$ >"$0/cgroup.procs"; exec forks "$@"' "$group" "$@"
}
section 'they count'
in_group a/b zombie zombie zombie show a/b/pids.current show a/pids.current
section 'until their parent ends, too'
becomes 'none left' '(($(cat a/pids.current) == 0))'
section 'and take the room of others'
echo 4 >a/pids.max
in_group a/b zombie zombie zombie fork show a/pids.events
becomes 'none left' '(($(cat a/pids.current) == 0))'
echo max >a/pids.max
section 'those who are waited for do not'
in_group a/b fork end fork end zombie show a/b/pids.current
becomes 'empty' 'rmdir a/b a; [ ! -d a ]'
