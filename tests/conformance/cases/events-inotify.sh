# SPDX-License-Identifier: MIT
# NEEDS: v2 root
# PROFILE: 6.1 6.12
#
# Which files tell inotify that they have changed, without anybody writing to them.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p p/a
echo +memory >cgroup.subtree_control
echo +memory >p/cgroup.subtree_control
echo 8M >p/a/memory.max
section 'memory.events, of the group and above it'
watch group inotify p/a/memory.events
watch local inotify p/a/memory.events.local
watch parent inotify p/memory.events
watch parent-local -t 1500 inotify p/memory.events.local
watch directory inotify p
once p/a anon 16M >/dev/null 2>&1
for name in group local parent parent-local directory; do watched $name; done
# Another one of the same before the first has been read would be dropped by inotify.
watch directory inotify p
once p/a anon 16M >/dev/null 2>&1
watched directory
section 'cgroup.events'
mkdir p/b
watch populated inotify p/b/cgroup.events
puppet member p/b
watched populated
watch empty inotify p/b/cgroup.events
finish member
watched empty
watch frozen inotify p/b/cgroup.events
echo 1 >p/b/cgroup.freeze
watched frozen
section 'what a write changes'
watch limit inotify p/a/memory.max
watch usage -t 1500 inotify p/a/memory.current
one_write p/a/memory.max 4M
for name in limit usage; do watched $name; done
section 'a watched directory'
watch inside -n 2 inotify p
mkdir p/b/c p/d
rmdir p/b/c p/d
watched inside
