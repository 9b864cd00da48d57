# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# A limit below the usage reclaims first; v1 refuses what cannot be reclaimed, v2 kills.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
sparse_file f 32M
once t read "$TMP/f"
range 'page cache' 32M 34M 'usage t'
run 'limit t 16M'
range 'reclaimed to the limit or somewhat more' 4M 16M 'usage t'
puppet p t
limit t 64M
ask p 'anon 24M'
run 'limit t 16M'
if ((HIER == 1)); then
    say t/memory.limit_in_bytes
    ask p touch
    finish p
else
    say t/memory.max
    gone p
    run 'grep oom_kill t/memory.events'
fi
