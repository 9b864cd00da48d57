# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap root
# PROFILE: 6.1
#
# memory.pressure_level: reclaim that goes well is low pressure, an OOM is critical.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
limit t 20M
sparse_file f 60M
watch low eventfd t/memory.pressure_level low
watch critical -t 3000 eventfd t/memory.pressure_level critical
once t read "$TMP/f"
watched low
watched critical
section 'out of memory'
echo 1 >t/memory.force_empty
for level in low medium critical; do watch $level eventfd t/memory.pressure_level $level; done
once t anon 30M
for level in low medium critical; do watched $level; done
