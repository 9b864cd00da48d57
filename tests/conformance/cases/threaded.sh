# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# cgroup.type: who may become threaded, and what it makes of those around.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
echo '+memory +pids' >cgroup.subtree_control
types() { for group; do printf '%s: %s\n' "$group" "$(cat "$group/cgroup.type")"; done; }
section 'below the root'
mkdir -p a/b
put a/cgroup.type threaded
types a a/b
put a/b/cgroup.type threaded
put a/b/cgroup.type threaded
put a/b/cgroup.type domain
put a/cgroup.type 'domain threaded'
run 'cat a/cgroup.procs'
run 'ls a/b | grep -c "^memory.max"'
run 'rmdir a/b a'
section 'a domain with threads'
mkdir -p d/x/y d/z
put d/x/cgroup.type threaded
types d d/x d/x/y d/z
run 'cat d/z/cgroup.procs'
run 'cat d/z/cgroup.threads'
put d/z/cgroup.subtree_control +pids
put d/cgroup.subtree_control +pids
put d/cgroup.subtree_control +memory
put d/x/cgroup.subtree_control +pids
put d/x/cgroup.subtree_control +memory
put d/z/cgroup.kill 1
put d/x/cgroup.kill 1
put d/x/cgroup.freeze 1
say d/x/cgroup.events
put d/x/cgroup.freeze 0
section 'nobody is in an invalid domain'
sleep 1000 &
one=$!
join() { echo "$1/$2: $(errno_of one_write "$1/$2" "$one")"; }
join d/z cgroup.procs
join d/z cgroup.threads
join d/x cgroup.threads
join d cgroup.threads
join d cgroup.procs
join d/x cgroup.threads
join d/x/y cgroup.threads
join d/x cgroup.procs
fact 'listed in the domain' 'grep -qx "$one" d/cgroup.procs'
fact 'a thread of the group' 'grep -qx "$one" d/x/cgroup.threads'
run 'cat d/x/cgroup.procs'
say d/cgroup.events d/x/cgroup.events d/z/cgroup.events
join . cgroup.threads
section 'the domain while somebody is in it'
put d/z/cgroup.type threaded
types d/z
put d/x/y/cgroup.type threaded
types d/x/y
join d/x/y cgroup.threads
join d/z cgroup.threads
join . cgroup.procs
section 'the last thread group goes'
run 'rmdir d/x/y d/x d/z'
types d
section 'members and controllers are in the way'
mkdir d/x
join d/x cgroup.procs
put d/x/cgroup.type threaded
join . cgroup.procs
put d/cgroup.subtree_control +memory
put d/x/cgroup.type threaded
put d/cgroup.subtree_control -memory
put d/x/cgroup.type threaded
types d d/x
put d/cgroup.subtree_control +memory
run 'mkdir d/new; cat d/new/cgroup.type; mkdir d/x/new; cat d/x/new/cgroup.type'
put d/x/new/cgroup.type threaded
put d/new/cgroup.type threaded
types d/new d/x/new
run 'rmdir d/x/new d/x d/new'
types d
section 'a domain that is populated beside'
mkdir d/x d/z
join d/z cgroup.procs
put d/x/cgroup.type threaded
types d/x
join d cgroup.procs
put d/x/cgroup.type threaded
types d d/x d/z
kill "$one"
becomes 'removed' 'rmdir d/z'
rmdir d/x d
