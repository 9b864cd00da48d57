# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# Names that a disk's directory does not have are reclaimable slab, timers are slab that is not:
# what a group pays for them, what reclaim takes, and what a removed group leaves behind. A page's
# worth of either waits in a stock, so numbers are off by that.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t t/a
((HIER == 1)) || echo +memory >t/cgroup.subtree_control
mkdir "$TMP/names"
slab() { field "$1/memory.stat" "slab_$2"; }
kernel() { if ((HIER == 1)); then cat "$1/memory.kmem.usage_in_bytes"; else field "$1/memory.stat" kernel; fi; }
base=0
puppet p t/a
base=$(kernel t/a)
ask p "lookup $TMP/nosuch 10" | sed "s|$TMP|TMP|"
ask p "lookup $TMP/names 10000" | sed "s|$TMP|TMP|"
range 'kernel memory' 1940K 1980K 'echo $(($(kernel t/a) - base))'
if ((HIER == 2)); then
    range 'reclaimable' 1940K 1960K 'slab t/a reclaimable'
    range 'not reclaimable' 0 16K 'slab t/a unreclaimable'
    range 'slab' 1940K 1980K 'field t/memory.stat slab'
fi
ask p 'timers 2000'
range 'kernel memory' 2610K 2680K 'echo $(($(kernel t/a) - base))'
if ((HIER == 2)); then
    range 'reclaimable' 1940K 1960K 'slab t/a reclaimable'
    range 'not reclaimable' 680K 712K 'slab t/a unreclaimable'
    section 'reclaim'
    run 'echo 100K > t/memory.reclaim'
    range 'reclaimable' 0 16K 'slab t/a reclaimable'
    range 'not reclaimable' 680K 712K 'slab t/a unreclaimable'
    fact 'reclaim took nothing' '(($(field t/memory.stat pgsteal) < 64))'
    ask p "lookup $TMP/names 500" | sed "s|$TMP|TMP|"
    range 'reclaimable' 92K 104K 'slab t/a reclaimable'
fi
section 'at a limit'
if ((HIER == 1)); then echo 4M >t/memory.limit_in_bytes; else echo 4M >t/memory.max; fi
ask p "lookup $TMP/names 40000" | sed "s|$TMP|TMP|"
range 'usage' 1M 4M 'usage t'
((HIER == 1)) || run 'grep -E "^(oom|oom_kill) " t/memory.events'
if ((HIER == 1)); then echo -1 >t/memory.limit_in_bytes; else echo max >t/memory.max; fi
section 'the end'
ask p "lookup $TMP/names 3000" | sed "s|$TMP|TMP|"
left=$(usage t)
finish p
# Up to 64 pages of it stay in a stock.
becomes 'timers go with their task' '(($(usage t) < left - (350 << 10)))'
fact 'names stay' '(($(usage t) > 500 << 10))'
run 'rmdir t/a'
fact 'and are the parent'"'"'s now' '(($(usage t) > 500 << 10))'
rmdir "$TMP/names"
