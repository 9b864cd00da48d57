# SPDX-License-Identifier: MIT
# NEEDS: run v2
# PROFILE: 6.1 6.12
# TIMEOUT: 180
#
# What real programs keep in memory stays as it is, whatever is done to them: held beyond
# memory.high, their pages in swap, by many threads at once.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a

in_group() { bash -c 'echo $$ >a/cgroup.procs; exec "$@"' x "$@" || echo "status $?"; }

section 'without a limit'
in_group patterns 16 32 2
section 'with half of it in swap'
echo 16M >a/memory.max
in_group patterns 8 32 2
fact 'the limit was met' '(($(field a/memory.events max) > 0))'
section 'beyond memory.high'
echo max >a/memory.max
echo 16M >a/memory.high
in_group patterns 8 32 2
fact 'memory.high was met' '(($(field a/memory.events high) > 0))'
section 'and when others look at it all the time'
: >"$TMP/looks"
(while [[ -e $TMP/looks ]]; do cat a/memory.stat a/memory.current; done >/dev/null) &
in_group patterns 8 24 2
rm "$TMP/looks"
wait
becomes 'nothing is left' '(($(<a/memory.current) < 1048576))'
run 'rmdir a'
