# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run root
# PROFILE: 6.1 6.12
#
# In a pid namespace and behind a root of its own, with /proc and /sys mounted there as container
# runtimes do, a process finds the same groups and the same machine.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir g
groups() { sed -n 's/^\(0:\|[0-9]*:memory\):/memory:/p' /proc/"$1"/cgroup; }
memory=$(sed -n 1p /proc/meminfo)
export -f groups
export memory
look='groups self; [[ $(sed -n 1p /proc/meminfo) == "$memory" ]] && echo the same machine'
in_group() { (echo 0 >g/cgroup.procs && "$@"); }

section 'a pid namespace'
in_group unshare -fp --mount-proc bash -c "$look; groups 1; groups \$\$"
section 'its numbers in the files of the tree'
in_group unshare -fp --mount-proc bash -c '[[ $$ == 1 ]] && cat g/cgroup.procs'

section 'a root of its own'
jail=$TMP/jail
mkdir "$jail" && mount --bind / "$jail" && mount -t proc none "$jail/proc" || exit
mount -t sysfs none "$jail/sys" || exit
in_group chroot "$jail" bash -c "$look"
section 'by a relative path'
in_group chroot "$jail" bash -c "cd /proc/self && sed -n 's/^\(0:\|[0-9]*:memory\):/memory:/p' cgroup"
umount "$jail/sys" "$jail/proc" "$jail"
rmdir "$jail" g
