# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# Three levels: whose limit is hit, who counts it, who is killed.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b
echo +memory >a/b/cgroup.subtree_control
mkdir a/b/c a/b/d
echo 32M >a/memory.max
echo 24M >a/b/memory.max
echo 12M >a/b/c/memory.max
counts() {
    local g
    for g in a a/b a/b/c a/b/d; do
        echo "$g: $(awk '{ if ($1 == "max") $2 = ($2 > 0) ? ">0" : 0; printf "%s ", $0 }' $g/memory.events)"
        echo "$g local: $(awk '{ if ($1 == "max") $2 = ($2 > 0) ? ">0" : 0; printf "%s ", $0 }' $g/memory.events.local)"
    done
}
once a/b/c anon 10M
counts
once a/b/c anon 16M
counts
section 'the limit of b, by the only one in it'
once a/b/d anon 28M
counts
section 'a limit lowered below what is used'
puppet q a/b/c
ask q 'anon 8M'
run 'echo 4M > a/memory.max; cat a/memory.max'
gone q
run 'grep oom_kill a/memory.events a/memory.events.local a/b/c/memory.events.local'
