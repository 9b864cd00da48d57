# SPDX-License-Identifier: MIT
# NEEDS: v2 numa
# PROFILE: 6.12
#
# cpuset.cpus.exclusive: what siblings and the groups above leave, and partitions of those CPUs,
# under a partition and remote from any.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG" || exit 9
echo +cpuset >cgroup.subtree_control
mkdir a b a/c a/d
# all: a line for each group: cpus, exclusive, exclusive.effective, effective, partition.
all() {
    local group
    echo "root: $(cat cpuset.cpus.effective), isolated $(cat cpuset.cpus.isolated)"
    for group in a b a/c a/d; do
        [[ ! -e $group/cpuset.cpus ]] || echo "$group: [$(cat $group/cpuset.cpus)]" \
            "[$(cat $group/cpuset.cpus.exclusive)] [$(cat $group/cpuset.cpus.exclusive.effective)]" \
            "$(cat $group/cpuset.cpus.effective) $(cat $group/cpuset.cpus.partition)"
    done
}
# set_to FILE VALUE: one write; how it went, and everything.
set_to() {
    echo "$1 ${2@Q}: $(errno_of one_write "$1" "$2"$'\n')"
    all
}
section 'kept, within what the group above has'
set_to a/cpuset.cpus.exclusive 1-3
echo +cpuset >a/cgroup.subtree_control
for v in 1 0-1 2-3 0 '' 7 x; do set_to a/c/cpuset.cpus.exclusive "$v"; done
section 'siblings'
for v in 0 3 0-1 0-3 ''; do put b/cpuset.cpus.exclusive "$v"; done
put a/c/cpuset.cpus.exclusive 1
put a/d/cpuset.cpus.exclusive 1-2
put a/d/cpuset.cpus.exclusive 2
section 'a remote partition'
set_to a/c/cpuset.cpus.partition root
put a/c/cpuset.cpus.exclusive 1-2
put a/d/cpuset.cpus.exclusive 3
set_to a/c/cpuset.cpus.exclusive 1-2
set_to a/c/cpuset.cpus.partition isolated
set_to a/c/cpuset.cpus.partition root
set_to a/cpuset.cpus.exclusive 2-3
set_to a/cpuset.cpus.exclusive 1-3
set_to a/c/cpuset.cpus 1
set_to a/cpuset.cpus 0-2
set_to a/d/cpuset.cpus.partition root
set_to a/d/cpuset.cpus.exclusive ''
set_to a/d/cpuset.cpus.exclusive 3
set_to a/d/cpuset.cpus.partition root
set_to a/cpuset.cpus.exclusive ''
set_to a/cpuset.cpus.exclusive 1-3
set_to a/c/cpuset.cpus.partition member
set_to a/d/cpuset.cpus.partition member
section 'a partition of cpuset.cpus below one that is none'
echo >a/c/cpuset.cpus.exclusive
echo >a/cpuset.cpus.exclusive
echo >a/d/cpuset.cpus.exclusive
echo >a/cpuset.cpus
set_to a/c/cpuset.cpus.partition root
set_to a/cpuset.cpus.exclusive 1-2
set_to a/c/cpuset.cpus.partition root
set_to a/c/cpuset.cpus.partition member
section 'outside of what the group above has, and all that there is'
echo 3 >a/c/cpuset.cpus.exclusive
set_to a/c/cpuset.cpus.partition root
set_to a/c/cpuset.cpus.exclusive 2-3
set_to a/c/cpuset.cpus.partition member
put a/cpuset.cpus.exclusive 0-3
put b/cpuset.cpus.exclusive $'\n'
put a/cpuset.cpus.exclusive 0-3
put a/c/cpuset.cpus.exclusive 0-3
set_to a/c/cpuset.cpus.partition root
set_to a/c/cpuset.cpus.partition member
section 'a partition under the root, and one under it'
echo 1-3 >a/cpuset.cpus.exclusive
echo 1-2 >a/c/cpuset.cpus.exclusive
set_to a/cpuset.cpus.partition root
set_to a/c/cpuset.cpus.partition root
set_to a/c/cpuset.cpus.partition member
set_to a/cpuset.cpus.partition member
section 'cpuset.cpus of a sibling'
echo >a/cpuset.cpus.exclusive
echo 1 >a/cpuset.cpus
for v in 1-2 1 2-3; do put b/cpuset.cpus.exclusive "$v"; done
put a/cpuset.cpus 1-3
put b/cpuset.cpus.exclusive 1-2
put a/cpuset.cpus 1
put a/cpuset.cpus 0-2
set_to b/cpuset.cpus.partition root
set_to a/cpuset.cpus 3
set_to b/cpuset.cpus.partition root
set_to b/cpuset.cpus.partition member
rmdir a/c a/d a b
