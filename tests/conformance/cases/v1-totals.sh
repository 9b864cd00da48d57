# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# memory.stat of v1: the group's own numbers, and total_ with all below.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b/c
puppet p a
puppet q a/b/c
ask p 'anon 4M'
ask q 'anon 8M'
sparse_file f 2M
ask q "read $TMP/f"
mb() { echo $((($(field "$1/memory.stat" "$2") + 524288) >> 20)); }
for g in a a/b a/b/c; do
    for k in cache rss total_cache total_rss active_file inactive_file total_inactive_file inactive_anon total_inactive_anon; do
        echo "$g $k $(mb $g $k)M"
    done
    range "usage of $g" 0 20M "usage $g"
done
echo 20M >a/memory.limit_in_bytes
echo 12M >a/b/memory.limit_in_bytes
run 'grep hierarchical a/memory.stat a/b/memory.stat a/b/c/memory.stat'
run 'grep hierarchical memory.stat'
finish q
becomes 'b' '(($(field a/b/memory.stat total_rss) == 0))'
echo "a total_rss $(mb a total_rss)M"
rmdir a/b/c
becomes 'the cache of c is now of b' '(($(mb a/b total_cache) == 2))'
run 'echo 0 > a/b/memory.force_empty'
echo "a total_cache $(mb a total_cache)M"
finish p
