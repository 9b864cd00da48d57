# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# A real program that stays beyond its limit is killed, also where nobody traces it.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
usage=$PWD/a/memory.current

in_group() {
    local status=0
    # Bash tells of a death by signal itself.
    { bash -c 'echo $$ >a/cgroup.procs; exec realmem "$@"' x "$@" || status=$?; } 2>"$TMP/said"
    echo "status $status"
}
kills() { grep '^oom_kill ' a/memory.events; }

echo 40M >a/memory.max
echo 0 >a/memory.swap.max
section 'below the limit'
in_group anon 24 between 24 28 "$usage" anon 8 between 32 36 "$usage" | sed "s|$usage|usage|"
kills
section 'beyond it'
# Untraced it may just get there, but not any further.
late() { grep -v '^anon 48: ok$'; }
in_group anon 48 between 0 40 "$usage" | late
kills
section 'a child of a child'
in_group anon 4 fork fork anon 48 between 0 40 "$usage" | late
becomes 'nobody is left' '[[ ! -s a/cgroup.procs ]]'
kills
section 'what a killed one had is free'
becomes 'nothing is left' "((\$(<$usage) < 2097152))"
run 'rmdir a'
