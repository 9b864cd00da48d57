# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
# TIMEOUT: 60
#
# A stream through a group without limits: kswapd keeps pages free, the group sees no limit.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir g
sparse_file one 700M
sparse_file two 700M
once g read "$TMP/one" read "$TMP/two"
fact 'kswapd scanned' '(($(field g/memory.stat pgscan_kswapd) > 0))'
fact 'kswapd freed' '(($(field g/memory.stat pgsteal_kswapd) << 12 >= 300 << 20))'
fact 'clean cache goes at the first scan' '(($(field g/memory.stat pgsteal) * 100 >= $(field g/memory.stat pgscan) * 95))'
range 'the rest is cached' 600M 1100M 'cat g/memory.current'
run 'cat g/memory.events'
