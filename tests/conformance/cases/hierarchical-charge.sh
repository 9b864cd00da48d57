# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# A charge counts in every group up the tree, and the tightest limit on the way rules.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
((HIER == 1)) || echo +memory >a/cgroup.subtree_control
mkdir a/b a/c
puppet p a/b
puppet q a/c
ask p 'anon 8M'
ask q 'anon 4M'
range 'b' 8M 10M 'usage a/b'
range 'c' 4M 6M 'usage a/c'
range 'a' 12M 15M 'usage a'
limit a 24M
sparse_file f 32M
once a/b read "$TMP/f"
range 'a is at its limit' 22M 24M 'usage a'
if ((HIER == 1)); then
    fact 'a counts the hits' '(($(<a/memory.failcnt) > 0))'
    fact 'b has none' '(($(<a/b/memory.failcnt) == 0))'
    run 'grep hierarchical_memory_limit a/b/memory.stat'
else
    fact 'a counts the hits' '(($(field a/memory.events.local max) > 0))'
    fact 'b has none' '(($(field a/b/memory.events.local max) == 0))'
fi
ask p free
range 'b has its cache' 1M 24M 'usage a/b'
finish p q
rmdir a/b a/c
range 'what a removed group had counts above until reclaimed' 1M 24M 'usage a'
