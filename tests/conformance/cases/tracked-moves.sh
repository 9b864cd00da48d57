# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap track
# PROFILE: 6.1
#
# A real program takes the page cache of its mappings along into another v1 group.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
cd "$TMP" || exit
in_group() {
    (
        echo "$BASHPID" >"$CG/$1/cgroup.procs"
        eval "$2"
    ) 2>&1
}
# afresh MASK: 8 MiB that a pays for.
afresh() {
    rm -f f
    in_group a 'dd if=/dev/zero of=f bs=64k count=128 status=none'
    sync  # pages that are being written back may stay
    echo "$1" >"$CG/b/memory.move_charge_at_immigrate"
}
# moves FIRST COUNT LOW HIGH LOW HIGH: by a process of a that has these pages mapped.
moves() {
    in_group a "fileuse look f $1 $2 'echo \$PPID >$CG/b/cgroup.procs 2>/dev/null'"
    range 'cache of a' "$3" "$4" "field $CG/a/memory.stat cache"
    range 'cache of b' "$5" "$6" "field $CG/b/memory.stat cache"
}

section 'anonymous memory alone'
afresh 1
moves 0 2048 8M 8200K 0 100K

section 'files'
afresh 2
moves 0 2048 0 100K 8M 8200K

section 'a part of one'
afresh 2
moves 512 1024 4M 4200K 4M 4200K

section 'no room'
afresh 2
limit "$CG/b" 4M
moves 0 2048 8M 8200K 0 100K
