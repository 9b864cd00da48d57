# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# The files that list threads have all of a process, and cgroup.procs the process once.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
if ((HIER == 1)); then list=tasks; else list=cgroup.threads; fi
section 'threads are born in the group of their process'
threads write a/cgroup.procs %T0 new new show a/$list show a/cgroup.procs by 1 new show a/$list
section 'cgroup.procs moves all of them, whoever is named'
threads new new write a/cgroup.procs %T0 show a/$list \
    write b/cgroup.procs %T2 show a/$list show b/$list show b/cgroup.procs \
    by 1 write a/cgroup.procs 0 show a/$list show b/$list
section 'those that have ended are not listed'
threads new new write a/cgroup.procs 0 end 1 show a/$list end 2 show a/$list show a/cgroup.procs
section 'the first thread has ended, the process has not'
threads new new write a/cgroup.procs 0 exit show a/$list show a/cgroup.procs
run 'rmdir a b'
