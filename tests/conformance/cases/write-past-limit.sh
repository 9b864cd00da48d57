# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1
#
# A file larger than the limit can be written: reclaim waits for the disk, nobody is killed.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
limit t 16M
once t write "$TMP/f" 24M
fact 'usage is within the limit' '(($(usage t) <= 16 * 1024 * 1024))'
if ((HIER == 1)); then
    run 'grep oom_kill t/memory.oom_control'
    fact 'the limit was hit' '(($(cat t/memory.failcnt) > 0))'
else
    run 'grep oom t/memory.events'
    fact 'the limit was hit' '(($(field t/memory.events max) > 0))'
fi
once t sync "$TMP/f"
