# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 hybrid run
# PROFILE: 6.1 6.12
#
# What tells a program where it is: statfs, the mount table, /proc/PID/cgroup.
. "${CASE_LIB:-/case/lib.sh}"
start
root=/sys/fs/cgroup
# Only what is mounted in every layout of a kind; numbers of hierarchies are the boot's.
mine() { grep -E 'memory|name=systemd|^0:' | sed -E 's/^[1-9][0-9]*:/N:/'; }
section 'file systems'
for path in "$root" "$CG" "$CG/cgroup.procs" "$root/unified" "$root/unified/cgroup.procs" \
    "$root/cpu/tasks" /proc/self/cgroup /proc/meminfo; do
    [[ ! -e $path ]] || echo "$path: $(stat -fc '%T, names to %l, blocks of %s' "$path")"
done
stat -fc %T . ..
section 'the mount table'
# In which order they are mounted, and with what tmpfs above them, is up to who does it.
mounts() { grep -E "^cgroup2? $root(/memory|/unified|/systemd)? cgroup2? " | sort; }
mounts </proc/mounts
mounts </proc/self/mounts
grep -E " $root(/memory|/unified|/systemd)? .* - cgroup2? " /proc/self/mountinfo | sed -E 's/^.* - //' | sort
mount | grep -E "^cgroup2? on $root(/memory|/unified|/systemd)? type cgroup" | sort
section 'groups of a process'
mine </proc/self/cgroup
mkdir a a/b
sleep 1000 &
other=$!
echo "$other" >a/b/cgroup.procs
mine <"/proc/$other/cgroup"
(
    echo "$BASHPID" >a/cgroup.procs
    mine </proc/self/cgroup
    cd "/proc/$BASHPID" && mine <cgroup
    cat task/*/cgroup ./../self/cgroup | mine
    # A child is where its parent was.
    bash -c 'cat /proc/self/cgroup' | mine
    mine </proc/thread-self/cgroup
)
echo "$other" >cgroup.procs
cat "/proc/$other/cgroup" "/proc/$other/task/$other/cgroup" | mine
kill "$other"
section 'files that are not there, or not for writing'
run 'cat /proc/4194304/cgroup'
run 'cat /proc/self/cgroups'
run 'echo >/proc/self/cgroup' | sed -E 's/.*: //'
[[ -e /proc/self/cgroup && -r /proc/self/cgroup && ! -s /proc/self/cgroup ]] && echo 'there, and of no size'
becomes 'empty' 'rmdir a/b a; [ ! -d a ]'
