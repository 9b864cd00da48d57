# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.events and cgroup.events wake pollers, those of ancestors too; memory.events.local does not
# speak of children.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p
echo +memory >p/cgroup.subtree_control
mkdir p/a
echo 8M >p/a/memory.max
watch own poll p/a/memory.events
watch local poll p/a/memory.events.local
watch parent poll p/memory.events
watch parent_local -t 1500 poll p/memory.events.local
once p/a anon 16M
for name in own local parent parent_local; do watched $name; done
section 'populated'
watch own poll p/a/cgroup.events
watch parent poll p/cgroup.events
puppet x p/a
watched own
watched parent
run 'cat p/cgroup.events'
watch again -t 1500 poll p/a/cgroup.events
puppet y p/a
watched again
watch last poll p/cgroup.events
finish x y
watched last
section 'a limit that is written'
watch limit -t 1500 poll p/a/memory.max
echo 4M >p/a/memory.max
watched limit
