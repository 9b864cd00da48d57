# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.min and memory.low: who gives under a common limit; recursion; the low event.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p/a p/b
echo +memory >p/cgroup.subtree_control
sparse_file f 16M
sparse_file g 16M
sparse_file h 32M
fill() {
    once p/a read "$TMP/f"
    once p/b read "$TMP/g"
}
empty() {
    echo 0 >p/a/memory.min
    echo 0 >p/a/memory.low
    echo 1G >p/memory.reclaim
} 2>/dev/null
section 'min is never touched'
fill
echo 20M >p/a/memory.min
echo 0 >p/a/memory.low
run 'echo 64M > p/memory.reclaim'
range 'a' 16M 18M 'usage p/a'
range 'b' 0 1M 'usage p/b'
fact 'no event' '(($(field p/a/memory.events low) == 0))'
section 'low gives when nothing else is left'
empty
fill
echo 20M >p/a/memory.low
run 'echo 8M > p/memory.reclaim'
range 'a is whole' 16M 18M 'usage p/a'
fact 'no event' '(($(field p/a/memory.events low) == 0))'
run 'echo 64M > p/memory.reclaim'
range 'a' 0 1M 'usage p/a'
fact 'an event' '(($(field p/a/memory.events low) > 0))'
section 'a group is not protected from its own limit'
empty
fill
echo 20M >p/a/memory.min
run 'echo 8M > p/a/memory.max'
range 'a' 2M 8M 'usage p/a'
echo max >p/a/memory.max
section 'what the children do not claim is shared among them'
empty
echo 0 >p/a/memory.min
mkdir p/a/x p/a/y
fill
echo +memory >p/a/cgroup.subtree_control
once p/a/x read "$TMP/h"
echo 40M >p/a/memory.min
run 'echo 8M > p/memory.reclaim'
range 'x has no min of its own' 26M 34M 'usage p/a/x'
