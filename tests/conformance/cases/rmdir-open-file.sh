# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# A group can be removed while its files are open; then they say ENODEV.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
if ((HIER == 1)); then f=memory.limit_in_bytes; else f=memory.max; fi
exec 7<t/$f 8>t/$f
run 'rmdir t'
run 'ls -d t'
run 'cat <&7'
run 'echo 1M >&8'
mkdir t
run 'cat <&7'
run "cat t/$f"
exec 7<&- 8>&-
section 'what hinders it'
mkdir t/c
run 'rmdir t'
run 'rmdir t/c'
puppet p t
run 'rmdir t'
finish p
becomes 'removed when the process is gone' 'rmdir t'
run 'rmdir nosuch'
run 'mkdir t; mkdir t'
run 'mkdir no/such'
run 'touch t/file'
run "rm t/$f"
# In v1 a group can be renamed in place.
((HIER == 1)) || run "mv t u; ls -d t u"
