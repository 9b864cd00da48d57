# SPDX-License-Identifier: MIT
# NEEDS: run v2 noswap
# PROFILE: 6.1 6.12
# TIMEOUT: 120
#
# The OOM killer takes real programs that go beyond memory.max, by whatever way they get there.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo 40M >a/memory.max

in_group() {
    local status=0
    { bash -c 'echo $$ >a/cgroup.procs; exec "$@"' x "$@" || status=$?; } 2>"$TMP/said"
    echo "$*: status $status"
}

for how in 'realmem populate 64' 'realmem lock 64' 'realmem read 64' 'oddmem huge 64' \
    'oddmem sparse 100 64' 'oddmem many 200 64' 'oddmem lockall 64' 'oddmem userfault 64' \
    'oddmem remap 64' 'oddmem stack 64' 'oddmem user 65534 anon 64' 'oddmem filter anon 64'; do
    # shellcheck disable=SC2086
    in_group $how
done
becomes 'nobody is left' '[[ ! -s a/cgroup.procs ]]'
fact 'one each was killed' '(($(field a/memory.events oom_kill) == 12))'
fact 'the peak is at the limit' '(($(<a/memory.peak) <= 41943040 && $(<a/memory.peak) > 37748736))'
run 'rmdir a'
