# SPDX-License-Identifier: MIT
# NEEDS: v2 classic
# PROFILE: 6.1 6.12
#
# Anonymous memory that has become active since the last flush of the statistics cannot be reclaimed
# in 6.12, which does not see that the inactive list is short. As in stat-flush, a recording comes
# out wrong where the kernel's own flush falls into it.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p 'anon 8M'
echo 64K >t/memory.reclaim # clears the marks of first use
ask p touch
cat t/memory.stat >/dev/null
printf 'at once: %s\n' "$(errno_of one_write t/memory.reclaim 4M)"
fact 'active' '(($(field t/memory.stat active_anon) > 0))'
# The look at the statistics was a flush.
printf 'later: %s\n' "$(errno_of one_write t/memory.reclaim 1M)"
finish p
