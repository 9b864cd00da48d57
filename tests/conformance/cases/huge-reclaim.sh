# SPDX-License-Identifier: MIT
# NEEDS: v2 ssd
# PROFILE: 6.1 6.12
#
# Reclaim takes huge pages whole, at a limit and when asked to.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'huge 32M'
run 'echo 12M > t/memory.reclaim'
range 'usage' 4M 21M 'usage t'
fact 'what is left is whole' '(($(field t/memory.stat anon_thp) % (2 << 20) == 0))'
fact 'some went' '(($(field t/memory.stat anon_thp) < 24 << 20))'
fact 'as many as were freed' '(($(field t/memory.stat pgsteal) >= 12 << 8))'
run 'echo 12M > t/memory.max'
range 'usage' 2M 12M 'usage t'
ask p 'huge 8M'
fact 'the limit was hit' '(($(field t/memory.events max) > 0))'
run 'grep -E "^(oom|oom_kill) " t/memory.events'
fact 'huge pages came all the same' '(($(field t/memory.stat thp_fault_alloc) >= 18))'
range 'usage' 2M 12M 'usage t'
run 'echo 6M > t/memory.high'
ask p 'huge 10M'
fact 'memory.high was passed' '(($(field t/memory.events high) > 0))'
finish p
