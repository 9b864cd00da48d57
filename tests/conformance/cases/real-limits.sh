# SPDX-License-Identifier: MIT
# NEEDS: run v2
# PROFILE: 6.1 6.12
#
# Limits act on the memory of real programs: the OOM killer, reclaim to swap, and memory.peak never
# beyond memory.max.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a

in_group() {
    local status=0
    # Bash tells of a death by signal itself.
    { bash -c 'echo $$ >a/cgroup.procs; exec realmem "$@"' x "$@" || status=$?; } 2>"$TMP/said"
    echo "status $status"
}
events() { grep -E '^oom_(group_)?kill ' a/memory.events | tr '\n' ' '; echo; }
peak() { becomes 'the peak is at the limit' '(($(<a/memory.peak) <= 41943040 && $(<a/memory.peak) > 37748736))'; }

echo 40M >a/memory.max
echo 0 >a/memory.swap.max
section 'below the limit'
in_group anon 32
events
for how in 'anon 48' 'threads 2 48'; do
    section "beyond it: $how"
    # shellcheck disable=SC2086
    in_group $how
    events
done
peak
section 'a child is killed, the others live'
in_group anon 8 fork anon 48
becomes 'nobody is left' '[[ ! -s a/cgroup.procs ]]'
section 'the whole group'
echo 1 >a/memory.oom.group
in_group anon 8 fork anon 48
becomes 'nobody is left' '[[ ! -s a/cgroup.procs ]]'
run 'grep oom_group_kill a/memory.events'
echo 0 >a/memory.oom.group
section 'with swap'
echo 32M >a/memory.swap.max
in_group anon 56 between 38 40 "$PWD/a/memory.current" between 15 26 "$PWD/a/memory.swap.current" |
    sed "s|$PWD/||"
in_group anon 80
becomes 'the swap is free again' '(($(<a/memory.swap.current) < 1048576))'
run 'rmdir a'
