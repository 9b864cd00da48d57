# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# Peaks and failcnt of a parent count what its children do.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b a/c
once a/b anon 8M
once a/c anon 4M
range 'peak of a' 8M 10M 'cat a/memory.max_usage_in_bytes'
range 'peak of b' 8M 10M 'cat a/b/memory.max_usage_in_bytes'
range 'peak of c' 4M 6M 'cat a/c/memory.max_usage_in_bytes'
echo 0 >a/memory.max_usage_in_bytes
range 'peak of a' 0 1M 'cat a/memory.max_usage_in_bytes'
range 'peak of b' 8M 10M 'cat a/b/memory.max_usage_in_bytes'
echo 6M >a/memory.limit_in_bytes
sparse_file f 16M
once a/b read "$TMP/f"
fact 'a' '(($(<a/memory.failcnt) > 0))'
run 'cat a/b/memory.failcnt a/c/memory.failcnt'
run 'echo 5 > a/memory.failcnt; cat a/memory.failcnt'
range 'peak of a' 5M 6M 'cat a/memory.max_usage_in_bytes'
run 'echo 0 > a/b/memory.force_empty; echo 0 > a/memory.force_empty'
range 'a' 0 600K 'usage a'
