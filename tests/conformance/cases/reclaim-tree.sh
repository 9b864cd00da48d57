# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.reclaim takes from all groups below, and says EAGAIN when it gets less.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b a/c
for g in b c; do
    sparse_file f$g 24M
    once a/$g read "$TMP/f$g"
done
range 'a' 48M 51M 'usage a'
run 'echo 16M > a/memory.reclaim'
range 'a' 24M 35M 'usage a'
fact 'both gave' '(($(usage a/b) < 24 << 20 && $(usage a/c) < 24 << 20))'
run 'echo 4M > a/b/memory.reclaim'
run 'echo 1G > a/memory.reclaim'
range 'a' 0 1M 'usage a'
run 'echo 0 > a/memory.reclaim'
run 'grep -vE "^(low|high)" a/memory.events'
section 'statistics'
fact 'pgsteal' '(($(field a/memory.stat pgsteal) >= 11000))'
fact 'of b and c together' '(($(field a/memory.stat pgsteal) == $(field a/b/memory.stat pgsteal) + $(field a/c/memory.stat pgsteal)))'
fact 'pgscan at least as many' '(($(field a/memory.stat pgscan) >= $(field a/memory.stat pgsteal)))'
fact 'by no kernel thread' '(($(field a/memory.stat pgscan_kswapd) == 0))'
