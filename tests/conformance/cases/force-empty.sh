# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# memory.force_empty gives up what can be given up: clean page cache, but not a task's memory.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
sparse_file f 16M
once t read "$TMP/f"
range 'page cache' 16M 18M 'usage t'
run 'echo 0 > t/memory.force_empty'
range 'afterwards' 0 1M 'usage t'
puppet p t
ask p 'anon 8M'
once t read "$TMP/f"
run 'echo 0 > t/memory.force_empty'
range 'the memory of a task stays' 8M 10M 'usage t'
run 'echo > t/memory.force_empty'
run 'echo 0 > memory.force_empty'
finish p
