# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# Page tables are kernel memory of the group whose task has them.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t u
stat_of() { field "$1/memory.stat" "$2"; }
puppet p t
ask p 'anon 16M'
if ((HIER == 1)); then
    range 'kernel memory' 32K 1M 'cat t/memory.kmem.usage_in_bytes'
    fact 'part of the usage' '(($(usage t) > $(<t/memory.kmem.usage_in_bytes) + (15 << 20)))'
    fact 'the peak is no less' '(($(<t/memory.kmem.max_usage_in_bytes) >= 32768))'
    run 'cat t/memory.kmem.failcnt'
else
    range 'page tables' 32K 200K 'stat_of t pagetables'
    range 'kernel' 32K 1M 'stat_of t kernel'
    fact 'kernel is no less than its parts' '(($(stat_of t kernel) >= $(stat_of t pagetables) + $(stat_of t kernel_stack)))'
fi
fact 'more than the anonymous memory' '(($(usage t) > 16 << 20))'
id=$(id_of p)
echo "$id" >u/cgroup.procs
ask p 'anon 8M'
range 'u' 8M 10M 'usage u'
fact 't still has its tables' '(($(usage t) > 16 << 20))'
ask p free
ask p free
range 't' 0 600K 'usage t'
finish p
range 'u' 0 600K 'usage u'
