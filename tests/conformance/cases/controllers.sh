# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Which memory files a group has depends on its parent alone, and they come and go with it.
. "${CASE_LIB:-/case/lib.sh}"
start
echo -memory >cgroup.subtree_control
mkdir -p a/b
run 'ls a | grep -c ^memory.max'
run 'cat a/memory.max'
echo +memory >cgroup.subtree_control
echo 8M >a/memory.max
run 'ls a/b | grep -c ^memory.max'
run 'grep -o memory a/cgroup.controllers; grep -o memory a/b/cgroup.controllers'
echo +memory >a/cgroup.subtree_control
echo 4M >a/b/memory.max
exec 7<a/b/memory.max
run 'cat <&7'
echo -memory >a/cgroup.subtree_control
run 'cat <&7'
exec 7<&-
run 'ls a/b/memory.max'
echo +memory >a/cgroup.subtree_control
run 'cat a/b/memory.max'
run 'cat a/memory.max'
section 'taken away while a group below uses it'
echo +memory >a/b/cgroup.subtree_control
run 'echo -memory > a/cgroup.subtree_control'
run 'echo -memory > cgroup.subtree_control'
echo -memory >a/b/cgroup.subtree_control
run 'echo -memory > a/cgroup.subtree_control'
run 'echo "+memory -memory" > a/cgroup.subtree_control; grep -c memory a/cgroup.subtree_control'
run 'echo "-memory +memory" > a/cgroup.subtree_control; grep -c memory a/cgroup.subtree_control'
run 'rmdir a/b a'
