# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: alinux2
#
# The root group has none of the four files.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'ls | grep -c wmark'
run 'ls t | grep -E "wmark_(high|low|ratio|scale)"'
run 'cat memory.wmark_ratio'
run 'echo 95 > memory.wmark_ratio'
