# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
# TIMEOUT: 60
#
# memory.oom.group counts for a full machine as well.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir team other
echo 1 >team/memory.oom.group
puppet one team
puppet two team
puppet three other
ask one 'anon 600M'
ask two 'anon 10M'
ask three 'anon 500M'
gone one
gone two
run 'grep "^oom" team/memory.events other/memory.events'
finish three
