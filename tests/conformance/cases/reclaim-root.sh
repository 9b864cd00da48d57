# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.reclaim of the root reclaims from all groups.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
for group in a b; do
    sparse_file "$group" 64M
    once "$group" read "$TMP/$group"
done
before=$(($(usage a) + $(usage b)))
run 'echo 32M >memory.reclaim'
fact 'at least that much went' '((before - $(usage a) - $(usage b) >= 24 << 20))'
run 'cat a/memory.events | sort | uniq -c'
