# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# What each kind of use adds to the usage and to the statistics, and what its end takes away.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
stat_of() { field t/memory.stat "$1"; }
if ((HIER == 1)); then anon=rss file=cache; else anon=anon file=file; fi
puppet p t
for step in 'anon 4M' 'anon 5000' 'shm 1M' 'huge 4M' "write $TMP/f 3M" "read $TMP/f" 'sysv 1M' 'lock 1M'; do
    ask p "$step"
    range "$anon" 0 16M "stat_of $anon"
    echo "$anon $(($(stat_of $anon) >> 20))M $file $(($(stat_of $file) >> 20))M"
done
for i in 1 2 3 4 5 6; do
    ask p free
    echo "$anon $(($(stat_of $anon) >> 20))M $file $(($(stat_of $file) >> 20))M"
done
finish p
becomes 'anonymous memory' "((\$(stat_of $anon) == 0))"
range 'cache stays' 3M 3200K "stat_of $file"
