# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap root
# PROFILE: 6.1
#
# Whom pressure in a child reaches: default the nearest, hierarchy everybody, local only one's own.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir p p/c
limit p/c 20M
sparse_file f 60M
section 'nobody listens in the child'
watch plain eventfd p/memory.pressure_level low
watch always eventfd p/memory.pressure_level low,hierarchy
watch own -t 3000 eventfd p/memory.pressure_level low,local
once p/c read "$TMP/f"
for name in plain always own; do watched $name; done
section 'somebody does'
watch child -n 1000000 -t 3000 eventfd p/c/memory.pressure_level low,local
watch plain -t 3000 eventfd p/memory.pressure_level low,default
watch always eventfd p/memory.pressure_level low,hierarchy
once p/c read "$TMP/f"
for name in plain always; do watched $name; done
watched child >"$TMP/heard"
uniq "$TMP/heard"
