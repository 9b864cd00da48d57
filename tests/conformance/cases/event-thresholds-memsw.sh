# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# Thresholds of memory.memsw.usage_in_bytes count what has been swapped out.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
limit t 8M
watch memsw -n 2 eventfd t/memory.memsw.usage_in_bytes 12M
watch memory -t 2500 eventfd t/memory.usage_in_bytes 12M
watch below -n 2 eventfd t/memory.usage_in_bytes 6M
puppet p t
ask p 'anon 16M'
ask p free
watched memsw
watched memory
watched below
finish p
