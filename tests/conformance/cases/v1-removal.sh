# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# Removing v1 groups: what hinders it, what becomes of their memory.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b
sparse_file f 8M
once a/b read "$TMP/f"
range 'b' 8M 9M 'usage a/b'
rmdir a/b
range 'a counts it on' 7M 9M 'usage a'
range 'total_cache' 7M 9M 'field a/memory.stat total_cache'
run 'echo 0 > a/memory.force_empty'
range 'a' 0 1M 'usage a'
section 'a process, a child, an open file'
mkdir a/b a/c
puppet p a/b
run 'rmdir a/b'
run 'rmdir a'
exec 7<a/c/memory.stat
run 'rmdir a/c'
run 'cat <&7 | head -1'
exec 7<&-
pid=$(id_of p)
echo "$pid" >a/tasks
run 'rmdir a/b'
finish p
becomes 'removed' 'rmdir a'
