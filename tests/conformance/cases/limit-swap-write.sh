# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# What a limit's reclaim writes to swap begins together, when the lists have been gone through: of a
# small group nothing has become free by then, and v1 gives up.
. "${CASE_LIB:-/case/lib.sh}"
start
for size in 1M 16M; do
    section "$size"
    mkdir t$size t$size/child
    puppet p "t$size/child"
    ask p "anon $size"
    run "echo 100K > t$size/memory.limit_in_bytes"
    if [[ $size != 16M ]]; then
        range 'still there' "$size" $((${size%M} * 1024 + 512))K "usage t$size"
        becomes 'written' "((\$(awk '\$1 == \"total_writeback\" { print \$2 }' t$size/memory.stat) == 0))"
        run "echo 100K > t$size/memory.limit_in_bytes"
    fi
    range 'in memory' 0 100K "usage t$size"
    finish p
done
