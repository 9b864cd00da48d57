# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# A mapped file's pages are cache that is mapped; unmapped they stay as cache.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
stat_of() { field t/memory.stat "$1"; }
if ((HIER == 1)); then mapped=mapped_file cache=cache; else mapped=file_mapped cache=file; fi
puppet p t
ask p "map $TMP/f 8M"
range 'mapped' 8M 8M "stat_of $mapped"
range 'cache' 8M 8200K "stat_of $cache"
ask p "map $TMP/f 4M"
range 'mapped once' 8M 8M "stat_of $mapped"
ask p free
range 'mapped' 8M 8M "stat_of $mapped"
ask p free
range 'mapped' 0 0 "stat_of $mapped"
range 'cache' 8M 8200K "stat_of $cache"
ask p "sync $TMP/f"
ask p "drop $TMP/f"
range 'cache' 0 128K "stat_of $cache"
ask p "read $TMP/f"
range 'cache' 7M 10M "stat_of $cache"
rm "$TMP/f"
becomes 'cache' '(($(stat_of $cache) < 131072))'
finish p
