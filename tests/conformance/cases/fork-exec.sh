# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# Children are born where their parent is, stay through exec, and count with it.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
memhog -s -j "$CG/a/cgroup.procs" -x bash -c 'sleep 60 & sleep 60 & wc -l < a/cgroup.procs; kill %1 %2; wait 2>/dev/null'
becomes 'empty' '[[ ! -s a/cgroup.procs ]]'
memhog -s -j "$CG/a/cgroup.procs" -x bash -c 'echo $BASHPID > b/cgroup.procs; sleep 60 & wc -l < b/cgroup.procs; wc -l < a/cgroup.procs; kill %1; wait 2>/dev/null'
section 'a puppet born in a group'
memhog -s -j "$CG/a/cgroup.procs" -x memhog anon 8M
memhog -s -j "$CG/a/cgroup.procs" -x bash -c 'memhog -s anon 4M shm 2M & wait'
becomes 'all gone' '[[ ! -s a/cgroup.procs && ! -s b/cgroup.procs ]]'
range 'a' 0 2M 'usage a'
limit a 6M
if ((HIER == 1)); then echo 6M >a/memory.memsw.limit_in_bytes; else echo 0 >a/memory.swap.max; fi
memhog -s -j "$CG/a/cgroup.procs" -x memhog anon 8M
echo "[status $?]"
section 'no such group, no such command'
memhog -s -j "$CG/nosuch/cgroup.procs" anon 1M
echo "[status $?]"
memhog -s -j "$CG/a/cgroup.procs" -x /no/such/command
echo "[status $?]"
run 'rmdir a b'
