# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run
# PROFILE: 6.1 6.12
#
# Memory that a real program has locked is unevictable until it gives it back or ends.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
mkfifo "$TMP/go"
unevictable() { field a/memory.stat unevictable; }
# A step of the program that lasts until it is told to go on.
wait_step=(between 0 1 "$TMP/go")
go_on() { echo 0 >"$TMP/go"; }

bash -c 'echo $$ >a/cgroup.procs; exec realmem "$@"' x \
    anon 8 "${wait_step[@]}" lock 24 "${wait_step[@]}" drop "${wait_step[@]}" \
    lock 4 "${wait_step[@]}" >"$TMP/said" &
section 'nothing is locked'
becomes 'it has its memory' '(($(usage a) > 8 << 20))'
range 'unevictable' 0 0 unevictable
go_on
section 'a part is'
range 'unevictable' 24M 24M unevictable
go_on
section 'that is given back'
range 'unevictable' 0 0 unevictable
go_on
section 'another is'
range 'unevictable' 4M 4M unevictable
go_on
wait
section 'it has ended'
range 'unevictable' 0 0 unevictable
grep ok "$TMP/said"
