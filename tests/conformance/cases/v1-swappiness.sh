# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# With swappiness 0 a v1 group does not swap: it is killed at its limit instead.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 8M >t/memory.limit_in_bytes
echo 0 >t/memory.swappiness
once t anon 12M
run 'grep oom_kill t/memory.oom_control; field t/memory.stat swap'
echo 60 >t/memory.swappiness
once t anon 12M
run 'grep oom_kill t/memory.oom_control'
echo 0 >t/memory.swappiness
section 'cache still gives way'
sparse_file f 16M
once t read "$TMP/f"
range 'usage' 4M 8M 'usage t'
run 'grep oom_kill t/memory.oom_control'
