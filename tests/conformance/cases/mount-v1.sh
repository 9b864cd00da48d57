# SPDX-License-Identifier: MIT
# NEEDS: v1 run root boot
# PROFILE: 6.1
#
# Mounts of v1 hierarchies: the same again, new ones, and what is refused (cgroup1_get_tree).
. "${CASE_LIB:-/case/lib.sh}"
start

work=$(mktemp -d)
mkdir "$work/m" "$work/n"
cd / || exit
attempt() {
    local message
    if message=$(mount "$@" 2>&1); then
        echo "mounted"
    else
        case $message in
        *'already mounted'* | *'busy'*) echo EBUSY ;;
        *'wrong fs type'* | *'bad option'*) echo EINVAL ;;
        *'permission denied'*) echo EPERM ;;
        *) echo "$message" ;;
        esac
    fi
}
shown() { grep " $1 " /proc/mounts | sed "s,$work,W," | cut -d' ' -f1,2,3,4; }

section 'a hierarchy twice'
mkdir "$CG/t"
attempt -t cgroup -o memory none "$work/m"
shown "$work/m"
echo 4M >"$work/m/t/memory.limit_in_bytes"
cat "$CG/t/memory.limit_in_bytes"
stat -fc %T "$work/m"
attempt -t cgroup -o memory none "$work/m"
rmdir "$work/m/t"
umount "$work/m"
ls "$work/m"

section 'refused'
attempt -t cgroup -o memory,cpuset none "$work/m"
attempt -t cgroup -o nosuch none "$work/m"
attempt -t cgroup -o all,memory none "$work/m"
attempt -t cgroup -o name=nobody none "$work/m"
attempt -t cgroup -o none none "$work/m"
attempt -t cgroup -o name=a/b none "$work/m"
attempt -t cgroup2 -o memory none "$work/m"

section 'a named one'
attempt -t cgroup -o none,name=mine src "$work/m"
shown "$work/m"
ls "$work/m"
grep -o 'name=mine:/.*' /proc/self/cgroup
mkdir "$work/m/a" "$work/m/a/b"
sleep 1000 &
echo $! >"$work/m/a/b/tasks"
grep -o 'name=mine:/.*' "/proc/$!/cgroup"
attempt -t cgroup -o name=mine other "$work/n"
[[ $(cat "$work/n/a/b/cgroup.procs") == "$!" ]] && echo 'the same hierarchy'
umount "$work/n"
umount "$work/m"
grep -o 'name=mine:/.*' "/proc/$!/cgroup"
attempt -t cgroup -o name=mine again "$work/m"
kill $!
wait 2>/dev/null
until rmdir "$work/m/a/b" 2>/dev/null; do :; done
rmdir "$work/m/a"
umount "$work/m"
for ((i = 0; i < 100; i++)); do
    grep -q name=mine /proc/self/cgroup || break
    sleep 0.1
done
grep -c name=mine /proc/self/cgroup
attempt -t cgroup -o name=mine none "$work/m"

section 'v2 beside them'
grep -c '^0::' /proc/self/cgroup
attempt -t cgroup2 none "$work/m"
shown "$work/m"
stat -fc %T "$work/m"
grep -c memory "$work/m/cgroup.controllers"
grep '^0::' /proc/self/cgroup
mkdir "$work/m/u"
echo 0 >"$work/m/u/cgroup.procs"
grep '^0::' /proc/self/cgroup
echo 0 >"$work/m/cgroup.procs"
rmdir "$work/m/u"
umount "$work/m"
grep '^0::' /proc/self/cgroup

section 'remount'
mount -o remount,ro "$CG" && mkdir "$CG/no" 2>&1 | grep -o 'Read-only.*'
shown "$CG"
mount -o remount,rw "$CG" && mkdir "$CG/yes" && rmdir "$CG/yes"

section 'moved, bound and busy'
(cd "$CG" && umount "$CG" 2>&1 | grep -o busy)
mkdir "$CG/t"
mount --bind "$CG/t" "$work/m"
grep " $work/m " /proc/self/mountinfo | sed -E "s/.* ([^ ]+) [^ ]+ rw,.* - ([^ ]+) .*/\1 \2/"
umount "$work/m"
rmdir "$CG/t"
rm -r "$work"
