# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# With memory.oom.group the whole group goes.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
echo 32M >t/memory.max
for v in 1 0 2 -1 x 1; do put t/memory.oom.group "$v"; done
puppet a t
puppet b t
ask a 'anon 4M'
once t anon 48M
gone a
gone b
run 'grep oom_ t/memory.events'
run 'ls memory.oom.group'
