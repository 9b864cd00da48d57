# SPDX-License-Identifier: MIT
# NEEDS: exact v2
# PROFILE: 6.1 6.12
#
# Where page faults wait until they are charged, no program touches a page beyond its limit.
. "${CASE_LIB:-/case/lib.sh}"
start
realmem gates || exit 77
mkdir a

in_group() {
    local status=0
    # Bash tells of a death by signal itself.
    { bash -c 'echo $$ >a/cgroup.procs; exec realmem "$@"' x "$@" || status=$?; } 2>"$TMP/said"
    echo "status $status"
}
touched() { od -An -t u8 -N 8 "$TMP/tally" | tr -d ' '; }
kills() { grep '^oom_kill ' a/memory.events; }

echo 40M >a/memory.max
echo 0 >a/memory.swap.max
section 'below it all goes its way'
in_group anon 4 heap 4 threads 2 8 between 16 20 "$PWD/a/memory.current" fork drop \
    anon 4 between 18 26 "$PWD/a/memory.current" | sed "s|$PWD/||"
kills
for how in 'anon 48' 'threads 4 48' 'heap 48'; do
    section "beyond it: $how"
    # shellcheck disable=SC2086
    in_group tally "$TMP/tally" $how
    fact 'not a page too many' '(($(touched) <= 40 * 256))'
    fact 'most of what there was' '(($(touched) > 35 * 256))'
    kills
done
for how in 'read 48' 'lock 48' 'populate 48'; do
    section "in a call: $how"
    # shellcheck disable=SC2086
    in_group $how
    kills
done
fact 'the peak is no higher' '(($(<a/memory.peak) <= 41943040))'
section 'a child of a child'
in_group anon 4 fork tally "$TMP/tally" anon 48
becomes 'nobody is left' '[[ ! -s a/cgroup.procs ]]'
fact 'not a page too many' '(($(touched) <= 40 * 256))'
section 'other programs'
bash -c 'echo $$ >a/cgroup.procs; seq 2000 | sort -n | tail -n1; wc -c </proc/self/comm'
becomes 'nothing is left' '(($(usage a) < 2097152))'
run 'rmdir a'
