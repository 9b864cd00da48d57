# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# memory.high of a parent and of a child, with swap: usage is kept near the lowest.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b a/c
echo 12M >a/memory.high
puppet p a/b
ask p 'anon 8M'
range 'a' 8M 10M 'usage a'
run 'grep high a/memory.events a/b/memory.events'
puppet q a/c
ask q 'anon 8M'
range 'a' 6M 14M 'usage a'
fact 'high events of a' '(($(field a/memory.events high) > 0))'
fact 'none of c' '(($(field a/c/memory.events high) == 0))'
fact 'something is swapped' '(($(<a/memory.swap.current) > 0))'
echo 4M >a/b/memory.high
range 'b' 0 5M 'usage a/b'
run 'cat a/b/memory.high; echo max > a/b/memory.high; echo max > a/memory.high'
ask p touch
ask q touch
range 'a' 16M 18M 'usage a'
run 'grep -E "^(max|oom)" a/memory.events'
finish p q
