# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1
#
# Swap is counted up the tree, and a limit above rules.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b a/c
echo 8M >a/b/memory.max
echo 4116K >a/memory.swap.max
puppet p a/b
ask p 'anon 10M'
range 'swap of b' 1M 4116K 'cat a/b/memory.swap.current'
fact 'a counts the same' '(($(<a/memory.swap.current) == $(<a/b/memory.swap.current)))'
fact 'c has none' '(($(<a/c/memory.swap.current) == 0))'
ask p 'anon 8M'
gone p
run 'grep oom_kill a/memory.events a/b/memory.events'
run 'cat a/c/memory.swap.events'
range 'given back' 0 512K 'cat a/memory.swap.current'
