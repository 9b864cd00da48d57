# SPDX-License-Identifier: MIT
# NEEDS: v2 run root
# PROFILE: 6.1 6.12
#
# clone3(2) with CLONE_INTO_CGROUP makes a child in a group, and says why not.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG" || exit 9
echo '+memory +pids' >cgroup.subtree_control
mkdir a b
section 'in the group from the beginning, and its parent stays'
forks into a show a/pids.current show a/cgroup.events end show a/pids.current
forks into a into b into a fork show a/pids.current show b/pids.current
section 'who has moved since stays there, and so do its children'
forks into a join b fork show /proc/self/cgroup show a/pids.current show b/pids.current fork show b/pids.current
section 'the limit is that of the group'
echo 1 >a/pids.max
forks into a into a into b
say a/pids.events b/pids.events
echo max >a/pids.max
section 'a group that hands controllers out, and one below'
mkdir a/c
echo +pids >a/cgroup.subtree_control
forks into a into a/c show a/c/pids.current show a/pids.current
echo 0 >a/pids.max
forks into a/c
echo max >a/pids.max
section 'threaded groups'
mkdir b/t b/d
echo threaded >b/t/cgroup.type
say b/cgroup.type b/t/cgroup.type b/d/cgroup.type
forks into b/t into b/d into b
section 'no group'
forks into /proc
forks into /nosuch
section 'who may not write to cgroup.procs'
setpriv --reuid 65534 --regid 65534 --clear-groups forks into a/c
section 'who may not write to the cgroup.procs that both have above them'
chown 65534 a/c/cgroup.procs
setpriv --reuid 65534 --regid 65534 --clear-groups forks into a/c
mkdir p p/x p/y
# from_x GROUP: a root without capabilities, and with a further group, goes from p/x to p/y.
from_x() { (echo $BASHPID >p/x/cgroup.procs; exec setpriv --groups "$1" --bounding-set=-all forks into p/y into a/c show p/y/cgroup.events); }
chown 65534:7 cgroup.procs p/cgroup.procs
from_x 8
section 'and who may, as a member of its group'
chmod 664 p/cgroup.procs
from_x 8
from_x 7
section 'as its owner'
chown 0:0 p/cgroup.procs
from_x 8
section 'but may not write to that of the group'
chown 65534:7 p/y/cgroup.procs
from_x 8
chmod 664 p/y/cgroup.procs
from_x 7
chown 0:0 cgroup.procs
becomes 'empty' 'rmdir a/c a b/t b/d b p/x p/y p; [ ! -d p ]'
