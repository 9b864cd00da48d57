# SPDX-License-Identifier: MIT
# NEEDS: v2 run root boot
# PROFILE: 6.1 6.12
#
# Mounts of the v2 hierarchy, its options, and v1 beside it (cgroup_get_tree, cgroup1_get_tree).
. "${CASE_LIB:-/case/lib.sh}"
start

work=$(mktemp -d)
mkdir "$work/m"
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

section 'a mount sets the options of all'
attempt -t cgroup2 -o nsdelegate none "$work/m"
shown "$CG"
shown "$work/m"
mkdir "$work/m/p"
ls -d "$CG/p"
attempt -o remount,memory_localevents "$CG"
shown "$CG"
attempt -o remount,nosuch "$CG"
umount "$work/m"
attempt -t cgroup2 none "$work/m"
shown "$CG"
attempt -t cgroup2 none "$work/m"
umount "$work/m"
rmdir "$CG/p"

section 'v1 beside it'
attempt -t cgroup -o pids none "$work/m"
shown "$work/m"
grep -o pids "$CG/cgroup.controllers"
mkdir "$work/m/a"
sleep 1000 &
echo $! >"$work/m/a/cgroup.procs"
cut -d: -f2,3 "/proc/$!/cgroup"
kill $!
wait 2>/dev/null
until rmdir "$work/m/a" 2>/dev/null; do :; done
umount "$work/m"
for ((i = 0; i < 100; i++)); do
    grep -q pids "$CG/cgroup.controllers" && break
    sleep 0.1
done
grep -o pids "$CG/cgroup.controllers"

section 'in use'
mkdir "$CG/g"
echo +pids >"$CG/cgroup.subtree_control"
attempt -t cgroup -o pids none "$work/m"
echo -pids >"$CG/cgroup.subtree_control"
rmdir "$CG/g"
attempt -t cgroup -o name=x none "$work/m"
attempt -t cgroup -o none,name=x none "$work/m"
ls "$work/m"
umount "$work/m"

rm -r "$work"
