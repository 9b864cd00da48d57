# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap track boot
# PROFILE: 6.1 6.12
# TIMEOUT: 120
#
# Page cache of real programs' files: who pays, when it is dirty, and what it goes by.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t u
cd "$TMP" || exit
stat_of() {
    local key=$2
    ((HIER == 2)) || case $key in file) key=cache ;; file_dirty) key=dirty ;; esac
    field "$CG/$1/memory.stat" "$key"
}
# in_group GROUP COMMAND: by a process of the group.
in_group() {
    (
        echo "$BASHPID" >"$CG/$1/cgroup.procs"
        eval "$2"
    ) 2>&1
}
cached() { field /proc/meminfo Cached:; }
sync
echo 3 >/proc/sys/vm/drop_caches

section 'who touches a page first pays'
in_group t 'dd if=/dev/zero of=a bs=64k count=128 status=none'
range 'file of t' 8M 9M 'stat_of t file'
range 'dirty of t' 8M 9M 'stat_of t file_dirty'
in_group u 'cat a >/dev/null'
range 'file of u' 0 64K 'stat_of u file'
sync
range 'dirty of t' 0 0 'stat_of t file_dirty'
echo 1 >/proc/sys/vm/drop_caches
range 'file of t' 0 64K 'stat_of t file'
in_group u 'cat a >/dev/null'
range 'file of u' 8M 9M 'stat_of u file'
range 'dirty of u' 0 0 'stat_of u file_dirty'
kilobytes=$(cached)
rm a
range 'file of u' 0 64K 'stat_of u file'
fact 'Cached is less by 8 MiB' '((kilobytes - $(cached) >= 8000))'

section 'fsync'
in_group t 'dd if=/dev/urandom of=b bs=1M count=4 conv=fsync status=none'
range 'file' 4M 4500K 'stat_of t file'
range 'dirty' 0 0 'stat_of t file_dirty'

section 'what a file loses'
in_group t 'fileuse cut b 512'
range 'file' 2M 2500K 'stat_of t file'
in_group t 'fileuse punch b 256 128'
range 'file' 1536K 1700K 'stat_of t file'
in_group t 'fileuse hold b "rm b"'
range 'file' 0 64K 'stat_of t file'
in_group t 'dd if=/dev/zero of=c bs=1M count=4 status=none; dd if=/dev/zero of=d bs=1M count=1 status=none'
range 'file' 5M 5500K 'stat_of t file'
in_group t 'mv d c'
range 'file' 1M 1200K 'stat_of t file'
ln c e
rm c
range 'file, by another name' 1M 1200K 'stat_of t file'
in_group t ': >e'
range 'file' 0 64K 'stat_of t file'
in_group t 'for i in 1 2 3 4; do head -c 100000 /dev/zero >>e; done'
stat -c %s e
range 'file' 392K 420K 'stat_of t file'
rm e

section 'a file replaced again and again'
in_group t 'for i in {1..50}; do head -c 100000 /dev/zero >p.new; sync p.new; mv p.new p; done'
range 'file' 100K 160K 'stat_of t file'
rm p
range 'file' 0 64K 'stat_of t file'

section 'files without a name'
in_group t 'fileuse unnamed . 256 f'
stat -c '%s %a %h' f
range 'file' 1M 1200K 'stat_of t file'
rm f

section 'mappings'
in_group t 'fileuse map g 256'
range 'file' 1M 1200K 'stat_of t file'
in_group t 'fileuse private h 256'
rm g h
range 'file' 0 64K 'stat_of t file'
in_group t 'cp "$(type -P true)" prog && ./prog && echo it runs'
fact 'it is kept' '[[ $(cksum <prog) == $(cksum <"$(type -P true)") ]]'
rm prog

section 'locks'
: >l
fileuse locks l
rm l

section 'many at one file'
in_group t 'fileuse crowd m 4 400'
rm m
range 'file' 0 64K 'stat_of t file'

section 'cache alone never ends in the OOM killer'
limit "$CG/t" 8M
in_group t 'dd if=/dev/urandom of=n bs=4k count=10000 status=none && echo written'
in_group t '[[ $(cksum <n) == $(cksum <n) ]] && echo the same twice'
range 'usage' 4M 8M "usage $CG/t"
if ((HIER == 2)); then
    fact 'the limit was met' '(($(field "$CG/t/memory.events" max) > 0))'
    field "$CG/t/memory.events" oom_kill
else
    fact 'the limit was met' '(($(cat "$CG/t/memory.failcnt") > 0))'
fi
in_group t 'dd if=n of=/dev/null bs=4k status=none && echo read'
in_group t 'fileuse crowd o 4 400'
range 'usage' 0 8M "usage $CG/t"
rm n o
range 'file' 0 64K 'stat_of t file'
