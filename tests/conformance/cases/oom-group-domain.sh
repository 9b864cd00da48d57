# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap root
# PROFILE: 6.1 6.12
#
# memory.oom.group: the topmost flag between the victim and the limit counts, -1000 survives.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p/a p/b
echo +memory >p/cgroup.subtree_control
echo 24M >p/memory.max
kills() {
    for g in p p/a p/b; do
        echo "$g: $(grep -E 'oom_(group_)?kill' $g/memory.events | tr '\n' ' ')"
    done
}
section 'the parent has the flag'
echo 1 >p/memory.oom.group
puppet x p/a
puppet_adj=-1000 puppet z p/b
ask x 'anon 2M'
ask z 'anon 1M'
once p/b anon 32M
gone x
ask z 'anon 1M'
kills
section 'only the child has it: its siblings live'
echo 0 >p/memory.oom.group
echo 1 >p/b/memory.oom.group
puppet x p/a
puppet y p/b
ask x 'anon 2M'
ask y 'anon 1M'
once p/b anon 32M
gone y
ask x 'anon 1M'
ask z 'anon 1M'
kills
section 'the flag above the limit is not looked at'
echo max >p/memory.max
echo 1 >p/memory.oom.group
echo 0 >p/b/memory.oom.group
echo 8M >p/b/memory.max
puppet y p/b
ask y 'anon 1M'
once p/b anon 32M
ask y 'anon 1M'
kills
finish x y z
