# SPDX-License-Identifier: MIT
# NEEDS: v2 run root boot
# PROFILE: 6.1 6.12
#
# tmpfs of real programs: its options and limits, and who pays for its pages (mm/shmem.c).
. "${CASE_LIB:-/case/lib.sh}"
start

work=$(mktemp -d)
mkdir "$work/m"
mkdir t
cg=$CG/t
cd "$work" || exit
options() {
    if mount -t tmpfs -o "$1" src m 2>/dev/null; then
        echo "$1: $(grep " $work/m " /proc/mounts | cut -d' ' -f1,3,4), $(stat -f -c %T m), $(stat -c %a m)"
        umount m
    else
        echo "$1: refused"
    fi
}
# in_group COMMAND: by a process of the group t.
in_group() {
    (
        echo "$BASHPID" >"$cg/cgroup.procs"
        eval "$1"
    ) 2>&1
    echo "$1: shmem $(field "$cg/memory.stat" shmem)"
}

section 'options'
for list in size=20G size=1 size=0 size=5000 nr_blocks=3k nr_inodes=5 nr_inodes=0 mode=755 \
    mode=8 uid=1,gid=2 uid=x size=1x size= foo size=10k,nr_blocks=1 huge=bad size=-1 ',,size=4k,,'; do
    options "$list"
done

section 'limits'
mount -t tmpfs -o size=64k,nr_inodes=6 none m
df -k m | tail -1 | tr -s ' ' | sed "s,$work,W,"
df -i m | tail -1 | tr -s ' ' | sed "s,$work,W,"
stat -c '%s %h %b' m
dd if=/dev/zero of=m/a bs=4k count=20 2>&1 | sed -n '1s/.*: //p'
stat -c '%s %b' m/a
errno_of dd if=/dev/zero of=m/b bs=1k count=1 status=none
rm m/a
df -k m | tail -1 | tr -s ' ' | sed "s,$work,W,"
ln m/b m/c
ln -s b m/l
mkdir m/d
df -i m | tail -1 | tr -s ' ' | sed "s,$work,W,"
errno_of touch m/e
errno_of touch m/f
errno_of ln m/b m/g
rm m/c
df -i m | tail -1 | tr -s ' ' | sed "s,$work,W,"
ls -f m
stat -c '%n %s %h' m m/d m/l

section 'a remount changes the limits as far as there is room'
printf x >m/b
for list in size=8k size=128k,nr_inodes=20 nr_inodes=2 size=0 size=4k; do
    mount -o "remount,$list" m 2>/dev/null && echo "$list: done" || echo "$list: refused"
    grep " $work/m " /proc/mounts | cut -d' ' -f4
done
umount m

section 'who pays'
mount -t tmpfs none m
truncate -s 1M m/hole
in_group 'cat m/hole >/dev/null'
in_group 'dd if=/dev/zero of=m/x bs=1M count=4 status=none'
in_group 'cat m/x >/dev/null'
stat -c '%s %b' m/x
in_group 'truncate -s 1M m/x'
in_group 'truncate -s 8M m/x'
in_group 'printf abc >m/tiny; mkdir m/dd; ln -s tiny m/ll'
in_group 'head -c 100000 /bin/bash >m/data'
fact 'it is kept' '[[ $(cksum <m/data) == "$(head -c 100000 /bin/bash | cksum)" ]]'
in_group 'cp /bin/true m/prog; m/prog && rm m/prog'
exec 7<m/x
in_group 'rm m/x m/data'
exec 7<&-
becomes 'the open file' '(($(field "$cg/memory.stat" shmem) == 4096))'
in_group 'echo more >>m/tiny; cat m/tiny'
umount m
becomes 'the file system' '(($(field "$cg/memory.stat" shmem) == 0))'

section 'reclaim'
mount -t tmpfs none m
in_group 'dd if=/dev/zero of=m/x bs=1M count=8 status=none'
echo 3 >/proc/sys/vm/drop_caches
in_group true
echo 0 >"$cg/memory.swap.max"
echo 20M >"$cg/memory.max"
in_group 'dd if=/dev/zero of=m/big bs=1M count=40 status=none' | sed 's/.*line [0-9]*: *[0-9]* //' |
    grep -o Killed
fact 'what was written stays' '(($(stat -c %s m/big) > 8 << 20))'
fact 'and is paid for' '(($(field "$cg/memory.stat" shmem) > 16 << 20))'
field "$cg/memory.events" oom_kill
rm m/x m/big
range 'after rm' 0 2M "field $cg/memory.stat shmem"
umount m
