# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# Truncation and POSIX_FADV_DONTNEED forget what was evicted.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
empty() {
    if ((HIER == 1)); then echo 0 >t/memory.force_empty; else echo 64M >t/memory.reclaim; fi 2>/dev/null
}
refaults() { field t/memory.stat workingset_refault_file; }
sparse_file f 8M
once t read "$TMP/f"
empty
once t drop "$TMP/f" read "$TMP/f"
becomes 'dropped: nothing comes back' '(($(refaults) == 0))'
empty
truncate -s 0 "$TMP/f"
truncate -s 8M "$TMP/f"
once t write "$TMP/f" 1M
becomes 'written anew: nothing comes back' '(($(refaults) == 0))'
