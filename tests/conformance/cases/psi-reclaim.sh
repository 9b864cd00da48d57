# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Reclaim at memory.max is a stall of the group and those above; memory.reclaim is none.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p q
echo +memory >p/cgroup.subtree_control
mkdir p/t
total() { sed -n "s/^$2 .*total=//p" "$1/memory.pressure"; }
puppet x p/t
ask x 'anon 24M'
run 'echo 4M > p/t/memory.reclaim'
fact 'none yet' '(($(total p/t some) == 0))'
echo 16M >p/t/memory.max
fact 'the write was none' '(($(total p/t some) == 0))'
for i in 1 2 3; do ask x peek; done
fact 'some of p/t rose' '(($(total p/t some) > 0))'
fact 'full of p/t rose' '(($(total p/t full) > 0))'
fact 'some of p rose' '(($(total p some) > 0))'
fact 'some of the root rose' '(($(total . some) > 0))'
fact 'q has none' '(($(total q some) == 0))'
finish x
