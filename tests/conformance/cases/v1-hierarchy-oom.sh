# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# A parent's limit kills below it, never beside it; oom_kill counts only where the victim was.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p/a p/b q
echo 24M >p/memory.limit_in_bytes
puppet x p/a
puppet y q
ask x 'anon 16M'
ask y 'anon 32M'
once p/b anon 12M
gone x
ask y 'anon 1M'
run 'grep "oom_kill " p/memory.oom_control p/a/memory.oom_control p/b/memory.oom_control q/memory.oom_control'
fact 'the parent refused' '(($(<p/memory.failcnt) > 0))'
fact 'the child did not' '(($(<p/b/memory.failcnt) == 0))'
finish y
