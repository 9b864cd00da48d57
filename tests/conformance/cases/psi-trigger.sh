# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# The sleep at memory.high is a stall: memory.pressure counts it and triggers fire, up the tree.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p q
echo +memory >p/cgroup.subtree_control
mkdir p/t
total() { sed -n "s/^$2 .*total=//p" "$1/memory.pressure"; }
fact 'none at first' '(($(total p/t some) == 0 && $(total p some) == 0))'
echo 8M >p/t/memory.high
# Windows of whole 2 seconds are for everybody.
watch some psi p/t/memory.pressure 'some 100000 2000000'
watch full psi p/t/memory.pressure 'full 100000 2000000'
watch above psi p/memory.pressure 'some 100000 2000000'
watch quiet -t 6000 psi q/memory.pressure 'some 100000 2000000'
once p/t anon 9M
for name in some full above quiet; do watched $name; done
fact 'a good deal of a second' '(($(total p/t some) > 500000))'
fact 'full too' '(($(total p/t full) > 500000))'
fact 'full is at most some' '(($(total p/t full) <= $(total p/t some)))'
fact 'of p as well' '(($(total p some) > 500000))'
fact 'q has none' '(($(total q some) == 0))'
