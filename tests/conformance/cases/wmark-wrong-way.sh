# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: alinux2
#
# The watermarks themselves cannot be written, not even by root.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
put t/memory.wmark_high 1
put t/memory.wmark_low 1
