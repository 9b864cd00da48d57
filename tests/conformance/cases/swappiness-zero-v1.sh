# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# With swappiness 0 a group's limit takes its cache and leaves anonymous memory alone.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 0 > t/memory.swappiness'
run 'echo 16M > t/memory.limit_in_bytes'
puppet p t
ask p 'anon 8M'
sparse_file f 32M
once t read "$TMP/f"
range 'in swap' 0 0 'field t/memory.stat swap'
range 'anonymous memory' 8M 9M 'field t/memory.stat rss'
run 'echo 60 > t/memory.swappiness'
finish p
