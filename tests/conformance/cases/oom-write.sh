# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# A write to a tmpfs at the limit ends the writer; the file stays and is charged.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 8M >t/memory.max
f=/dev/shm/case.$$
trap 'rm -f $f' EXIT
memhog -s -j "$CG/t/cgroup.procs" write $f 16M
echo "[status $?]"
run 'grep oom_ t/memory.events'
range 'usage' 6M 8M 'usage t'
range 'shmem' 6M 8M 'field t/memory.stat shmem'
section 'another that asks has nothing to take it from'
once t anon 4M
run 'grep oom_ t/memory.events'
rm $f
becomes 'freed' '(($(usage t) < 1048576))'
once t anon 6M
