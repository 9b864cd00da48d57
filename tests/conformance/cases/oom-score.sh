# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# The victim is the one with most memory, moved by oom_score_adj.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
limit t 24M
puppet a t
puppet b t
puppet c t
ask a 'anon 10M'
ask b 'anon 6M'
ask c 'anon 4M'
ask c 'anon 2M'
ask b 'anon 4M'
gone a
ask b touch
ask c touch
section 'shared memory counts for who maps it; cache does not'
sparse_file f 8M
ask c "read $TMP/f"
ask b 'anon 4M'
ask c 'anon 6M'
gone b
ask c touch
finish c
