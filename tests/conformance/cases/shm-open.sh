# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap run
# PROFILE: 6.1 6.12
#
# POSIX shared memory of real programs: who touches a page first pays, until the file has gone.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t u
shmem_of() { field "$CG/$1/memory.stat" shmem; }
in_group() {
    (
        echo "$BASHPID" >"$CG/$1/cgroup.procs"
        eval "$2"
    ) 2>&1
}
f=/dev/shm/case.$$
trap 'rm -f "$f"*' EXIT
stat -f -c %T /dev/shm
stat -c %a /dev/shm
in_group t 'fileuse map $f 256'
range 'shmem of t' 1M 1M 'shmem_of t'
in_group u 'cksum <$f >/dev/null'
range 'shmem of u' 0 0 'shmem_of u'
in_group u 'dd if=/dev/zero of=$f.2 bs=64k count=32 status=none'
range 'shmem of u' 2M 2M 'shmem_of u'
in_group t 'fileuse hold $f "rm $f"'
range 'shmem of t' 0 0 'shmem_of t'
in_group u 'fileuse cut $f.2 10'
range 'shmem of u' 40K 40K 'shmem_of u'
rm "$f.2"
range 'shmem of u' 0 0 'shmem_of u'
limit "$CG/t" 4M
{ in_group t 'dd if=/dev/zero of=$f bs=64k count=128 status=none'; } >/dev/null 2>&1
fact 'its writer was killed' '(($(stat -c %s "$f") <= 4 << 20))'
range 'shmem of t' 3M 4M 'shmem_of t'
rm "$f"
range 'shmem of t' 0 0 'shmem_of t'
