# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Memory that asks for huge pages gets them, as many as fit into it; other memory gets none.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'anon 8M'
run 'grep -E "^(anon|shmem|file)_thp" t/memory.stat'
faults=$(field t/memory.stat pgfault)
ask p 'huge 8M'
run 'grep -E "^(anon_thp|thp_fault_alloc|thp_collapse_alloc)" t/memory.stat'
# 4, or 3 and 512 for the pages before and after them.
range 'faults' 3 530 'echo $(($(field t/memory.stat pgfault) - faults))'
range 'anon' 16M 17M 'field t/memory.stat anon'
range 'usage' 16M 17M 'usage t'
ask p 'huge 2044K'
ask p 'shm 8M'
run 'grep -E "^(anon_thp|shmem_thp)" t/memory.stat'
ask p 'free'
ask p 'free'
ask p 'free'
run 'grep -E "^anon_thp" t/memory.stat'
range 'usage' 8M 9M 'usage t'
faults=$(field t/memory.stat pgfault)
ask p 'huge 16M'
ask p touch
ask p peek
range 'faults' 7 530 'echo $(($(field t/memory.stat pgfault) - faults))'
run 'grep -E "^(anon_thp|thp_fault_alloc)" t/memory.stat'
finish p
run 'grep -E "^(anon_thp|thp_fault_alloc)" t/memory.stat'
