# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# The lines of memory.stat and memory.numa_stat and their order.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run "awk '{ print \$1 }' t/memory.stat"
run "awk '{ print \$1 }' memory.stat"
run "awk '{ print \$1, NF }' t/memory.numa_stat"
run "sed -E 's/=[0-9]+/=N/g; s/^([a-z_]+) [0-9]+/\1/' t/memory.numa_stat"
run "awk 'NF != 2' t/memory.stat"
