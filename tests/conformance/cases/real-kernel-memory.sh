# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run
# PROFILE: 6.1 6.12
#
# What the kernel keeps of a real process is slab, of which a page stays with the group for the next.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
kernel_memory() {
    if ((HIER == 1)); then cat "$1/memory.kmem.usage_in_bytes"; else field "$1/memory.stat" kernel; fi
}
in_group() { bash -c 'echo $$ >a/cgroup.procs; exec realmem "$@"' x "$@"; }

section 'a group that had nobody'
kernel_memory a
usage a
section 'its process has ended'
in_group anon 4
range 'kernel memory' 4K 8K 'kernel_memory a'
fact 'usage has it' '(($(usage a) >= 4096))'
section 'and another one'
in_group anon 8
range 'kernel memory' 4K 8K 'kernel_memory a'
section 'it goes with the group'
run 'rmdir a'
kernel_memory b
