# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run
# PROFILE: 6.1 6.12
#
# /proc tells of each thread where it is.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
if ((HIER == 1)); then
    cd "$CG/../pids"
    mkdir d d/x
    list=tasks
else
    mkdir -p d/x
    echo threaded >d/x/cgroup.type
    list=cgroup.threads
fi
files=(groups /proc/self/cgroup groups /proc/thread-self/cgroup groups /proc/%T0/cgroup
    groups /proc/%T1/cgroup groups /proc/%T0/task/%T0/cgroup groups /proc/%T0/task/%T1/cgroup
    groups /proc/self/task/%T1/cgroup groups /proc/%T1/task/%T0/cgroup)
section 'a thread'
threads new write d/cgroup.procs 0 "${files[@]}" write d/x/$list %T1 "${files[@]}" by 1 "${files[@]}" \
    write d/$list 0 "${files[@]}"
section 'the first thread'
threads new write d/cgroup.procs 0 write d/x/$list %T0 "${files[@]}" by 1 "${files[@]}"
section 'no thread of that process'
threads new fork groups /proc/%C1/task/%T1/cgroup groups /proc/%T0/task/%C1/cgroup end 1 \
    groups /proc/%T1/cgroup groups /proc/self/task/%T1/cgroup
run 'rmdir d/x d'
