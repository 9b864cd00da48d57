# SPDX-License-Identifier: MIT
# NEEDS: run v2
# PROFILE: 6.1 6.12
# TIMEOUT: 120
#
# Real programs that end at any moment, while they join, grow, wait for room or are slowed down, leave
# nothing behind.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a

in_group() { exec bash -c 'echo $$ >a/cgroup.procs; exec "$@"' x "$@" >"$TMP/said" 2>&1; }
# killed_soon COMMAND...: one after another, each killed a little later than the one before.
killed_soon() {
    local i
    for i in 0{0..9} {10..30..5}; do
        in_group "$@" &
        sleep "0.0$i"
        kill -9 $!
        wait $!
    done 2>>"$TMP/said"
}
empty() {
    becomes 'nobody is left' '[[ ! -s a/cgroup.procs ]]'
    becomes 'nothing is left' '(($(<a/memory.current) < 1048576))'
}

section 'while they grow'
killed_soon realmem threads 4 200
empty
section 'at the limit'
echo 8M >a/memory.max
echo 0 >a/memory.swap.max
killed_soon realmem threads 4 200
empty
section 'slowed down'
echo max >a/memory.max
echo 8M >a/memory.high
killed_soon realmem threads 4 200
empty
section 'as they join'
echo max >a/memory.high
for i in {1..30}; do
    true &
    echo $! >a/cgroup.procs
done 2>"$TMP/said"
wait
empty
run 'rmdir a'
