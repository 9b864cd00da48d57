# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run
# PROFILE: 6.1 6.12
#
# Who sets limits of his own, as su(1) does with all of them, stays in his group.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir g
echo 0 >g/cgroup.procs
section 'a limit is set, and a child sets it'
for limit in x n c; do
    hard=$(ulimit -H -$limit)
    fact "$limit" "ulimit -S -$limit $hard && grep -qx $$ g/cgroup.procs"
    fact "$limit in a child" "(ulimit -$limit $hard; exec bash -c 'grep -qx \$\$ g/cgroup.procs')"
done
section 'no limit'
fact 'unlimited' 'ulimit -x unlimited && [[ $(ulimit -x) == unlimited ]]'
fact 'is there' "grep -qx $$ g/cgroup.procs"
echo 0 >cgroup.procs
rmdir g
