# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# memory.failcnt counts charges that hit the limit; max_usage_in_bytes is the highest usage.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
limit t 16M
once t anon 8M
say t/memory.failcnt
range 'peak' 8M 10M 'cat t/memory.max_usage_in_bytes'
sparse_file f 32M
once t read "$TMP/f"
fact 'failcnt counts' '(($(<t/memory.failcnt) > 0))'
range 'peak is the limit' 16000K 16M 'cat t/memory.max_usage_in_bytes'
for f in failcnt max_usage_in_bytes memsw.failcnt memsw.max_usage_in_bytes; do
    [[ -e t/memory.$f ]] || continue
    run "echo 0 > t/memory.$f"
    run "echo 7 > t/memory.$f"
    run "echo x > t/memory.$f"
done
say t/memory.failcnt
fact 'the peak starts anew at the usage' '(($(<t/memory.max_usage_in_bytes) <= $(usage t) + 65536))'
run 'cat memory.failcnt'
run 'cat memory.limit_in_bytes'
