# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap root
# PROFILE: 6.1
#
# A threshold of usage_in_bytes ticks on the way up and on the way down, in every group up the tree.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t t/c
watch five -n 2 eventfd t/memory.usage_in_bytes 5M
watch eight -n 2 eventfd t/memory.usage_in_bytes 8M
watch own -n 1 eventfd t/c/memory.usage_in_bytes 4M
watch far -t 1500 eventfd t/memory.usage_in_bytes 32M
puppet p t/c
ask p 'anon 12M'
watched own
ask p free
watched five
watched eight
watched far
section 'one that is passed already'
ask p 'anon 12M'
watch passed -t 1500 eventfd t/memory.usage_in_bytes 8M
watched passed
watch down eventfd t/memory.usage_in_bytes 8M
ask p free
watched down
finish p
section 'the root'
watch root eventfd memory.usage_in_bytes $(($(<memory.usage_in_bytes) + (32 << 20)))
once . anon 64M
watched root
section 'the group is removed'
watch a eventfd t/c/memory.usage_in_bytes 5M
watch b eventfd t/c/memory.oom_control
watch c eventfd t/c/memory.pressure_level low
rmdir t/c
watched a
watched b
watched c
