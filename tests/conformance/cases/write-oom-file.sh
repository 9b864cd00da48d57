# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1
#
# Writing a file larger than the limit goes through: dirty pages are written and given up.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 16M >t/memory.max
once t write "$TMP/f" 40M
run "stat -c %s $TMP/f"
range 'usage' 4M 16M 'usage t'
run 'grep oom_ t/memory.events'
fact 'max events' '(($(field t/memory.events max) > 0))'
once t read "$TMP/f"
once t sync "$TMP/f" drop "$TMP/f"
range 'usage' 0 2M 'usage t'
section 'deleted'
once t read "$TMP/f"
rm "$TMP/f"
becomes 'usage' '(($(usage t) < 1048576))'
