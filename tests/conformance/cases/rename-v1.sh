# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# In v1 a group can be renamed within its parent; nothing else can.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b c
echo 8M >a/memory.limit_in_bytes
puppet p a
exec 7<a/memory.limit_in_bytes
run 'mv a d; ls -d a d; cat d/memory.limit_in_bytes'
run 'cat <&7'
run '[[ -s d/cgroup.procs ]]'
ask p 'anon 1M'
exec 7<&-
run 'mv d c'
run 'mv d/b e'
# Versions of mv word the rest of it differently.
run 'mkdir x; mv -T x c 2>&1 | grep -o "File exists"'
run 'mv -T d d'
run 'mv d/b d/bb; ls -d d/bb'
run 'mv d/tasks d/other'
run 'mv nosuch z'
run "mv -T d \$'a\nb'"
finish p
becomes 'removed' 'rmdir d/bb d x c'
