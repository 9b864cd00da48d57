# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# memory.numa_stat of a machine with one node.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir p
((HIER == 1)) || echo +memory >p/cgroup.subtree_control
mkdir p/c
sparse_file f 8M
puppet one p/c
ask one 'anon 4M'
once p/c read "$TMP/f"
number() {
    if ((HIER == 1)); then
        grep "^$2=" "$1/memory.numa_stat" | sed 's/.*N0=//' | awk '{ print $1 * 4096 }'
    else
        field "$1/memory.numa_stat" "$2" | sed 's/N0=//'
    fi
}
file=file anon=anon
((HIER == 1)) || file=inactive_file
range 'file of c' 7936K 8448K 'number p/c $file'
range 'anon of c' 3968K 5M 'number p/c $anon'
if ((HIER == 1)); then
    range 'file of p itself' 0 0 'number p file'
    range 'file below p' 7936K 8448K 'number p hierarchical_file'
    run 'cut -d= -f1,2 p/memory.numa_stat | sed "s/=[0-9]*//; s/ N.*/ N/"'
    fact 'the sum is that of the only node' \
        'awk -F"[= ]" "\$2 != \$4 { exit 1 }" p/c/memory.numa_stat'
else
    range 'file below p' 7936K 8448K 'number p $file'
    run 'sed "s/=.*//" p/memory.numa_stat'
fi
finish one
