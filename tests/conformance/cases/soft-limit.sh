# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
# TIMEOUT: 60
#
# Soft limits: nothing without want of free pages, then the worst offender shrinks first.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir over within
run 'cat over/memory.soft_limit_in_bytes'
put over/memory.soft_limit_in_bytes 50M
put within/memory.soft_limit_in_bytes 500M
for group in over within; do
    sparse_file "$group" 250M
    once "$group" read "$TMP/$group"
done
range 'over, before' 250M 253M 'usage over'
section 'a stream that fills the machine'
sparse_file stream 700M
once . read "$TMP/stream"
fact 'within kept more' '(($(usage within) > $(usage over)))'
fact 'over shrank' '(($(usage over) < 200 << 20))'
run 'cat over/memory.failcnt'
