# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run noswap
# PROFILE: 6.1 6.12
#
# A real program that waits for memory sleeps, for whoever looks at it.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
status_of() { sed -n "s/^State:[[:space:]]*//p" "/proc/$1/status"; }
stat_of() { sed 's/.*) \(.\) .*/\1/' "/proc/$1/stat"; }
listed_of() { ps -o stat= -p "$1" | cut -c 1; }
tracer_of() { sed -n "s/^TracerPid:[[:space:]]*//p" "/proc/$1/status"; }
# tell PID: what the ways to ask say.
tell() {
    becomes 'status' "[[ \$(status_of $1) == 'D (disk sleep)' ]]"
    becomes 'stat' "[[ \$(stat_of $1) == D ]]"
    becomes 'a thread' "grep -q 'State:.D' /proc/$1/task/$1/status"
    becomes 'ps' "[[ \$(listed_of $1) == D ]]"
    becomes 'nobody traces it' "[[ \$(tracer_of $1) == 0 ]]"
}
if ((HIER == 1)); then
    echo 1 >a/memory.oom_control
    limit a 16M
    waits() { grep -q 'under_oom 1' a/memory.oom_control; }
    more() { limit a 256M; }
else
    echo 16M >a/memory.high
    waits() { (($(field a/memory.events high) > 0)); }
    more() { echo max >a/memory.high; }
fi
bash -c 'echo $$ >a/cgroup.procs
    printf -v long %040000000d 0
    echo "has ${#long}"' >"$TMP/said" &
section 'it waits'
becomes 'it waits' waits
tell $!
section 'there is more'
more
wait $!
cat "$TMP/said"
