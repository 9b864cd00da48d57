# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# Shared memory is charged to who touches it first, as cache, until its last user goes.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
stat_of() { field t/memory.stat "$1"; }
puppet p t
ask p 'shm 8M'
range 'usage' 8M 9M 'usage t'
range 'shmem' 8M 8M 'stat_of shmem'
if ((HIER == 1)); then
    range 'cache' 8M 8M 'stat_of cache'
    range 'rss' 0 1M 'stat_of rss'
    range 'mapped' 8M 8M 'stat_of mapped_file'
else
    range 'file' 8M 8M 'stat_of file'
    range 'anon' 0 1M 'stat_of anon'
    range 'mapped' 8M 8M 'stat_of file_mapped'
fi
ask p 'sysv 4M'
range 'shmem' 12M 12M 'stat_of shmem'
range 'on the anonymous lists' 12M 13M 'echo $(($(stat_of inactive_anon) + $(stat_of active_anon)))'
ask p free
range 'shmem' 8M 8M 'stat_of shmem'
finish p
range 'shmem' 0 0 'stat_of shmem'
range 'usage' 0 1M 'usage t'
