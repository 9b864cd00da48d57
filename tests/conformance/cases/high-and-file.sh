# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# Above memory.high page cache goes; nothing is killed, and the event is counted where it is set.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo +memory >a/cgroup.subtree_control
mkdir a/b
echo 8M >a/memory.high
sparse_file f 24M
once a/b read "$TMP/f"
range 'b' 4M 9M 'usage a/b'
fact 'a: high' '(($(field a/memory.events high) > 0))'
fact 'a: local high' '(($(field a/memory.events.local high) > 0))'
fact 'b: no high' '(($(field a/b/memory.events high) == 0))'
run 'grep -E "^(max|oom|oom_kill) " a/memory.events'
section 'lowered below the usage it reclaims at once'
echo max >a/memory.high
once a/b read "$TMP/f"
range 'b' 24M 26M 'usage a/b'
echo 6M >a/b/memory.high
range 'b' 2M 6M 'usage a/b'
section 'what cannot be reclaimed stays above'
puppet p a/b
ask p 'anon 4M'
echo 1M >a/b/memory.high
range 'b' 4M 6M 'usage a/b'
run 'cat a/b/memory.high'
echo max >a/b/memory.high
ask p free
finish p
