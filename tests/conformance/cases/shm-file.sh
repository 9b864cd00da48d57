# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# A file in a tmpfs is shared memory too: its pages stay when the writer has gone, until it is deleted.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t u
stat_of() { field "$1/memory.stat" "$2"; }
f=/dev/shm/case.$$
trap 'rm -f $f' EXIT
memhog -s -j "$CG/t/cgroup.procs" write $f 6M | sed 's/case.[0-9]*/FILE/'
range 'shmem of t' 6M 6M 'stat_of t shmem'
range 'usage' 6M 7M 'usage t'
memhog -s -j "$CG/u/cgroup.procs" read $f | sed 's/case.[0-9]*/FILE/'
range 'shmem of u, which only read' 0 0 'stat_of u shmem'
if ((HIER == 2)); then
    range 'file' 6M 6M 'stat_of t file'
    echo 2M >t/memory.reclaim
    range 'swapped' 1M 6M 'cat t/memory.swap.current'
fi
rm $f
becomes 'shmem of t' '(($(stat_of t shmem) == 0))'
range 'usage' 0 1M 'usage t'
