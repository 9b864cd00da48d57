# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# A named hierarchy: groups without any controller, and membership apart from the other trees'.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../systemd"
mkdir -p t/u
sleep 1000 &
one=$!
echo "$one" >t/u/cgroup.procs
mkdir "$CG/../freezer/f"
echo "$one" >"$CG/../freezer/f/cgroup.procs"
fact 'here' 'grep -qx "$one" t/u/cgroup.procs'
fact 'there' 'grep -qx "$one" "$CG/../freezer/f/tasks"'
fact 'at the root of memory' 'grep -qx "$one" "$CG/cgroup.procs"'
run 'rmdir t/u'
put t/notify_on_release 1
put t/cgroup.clone_children 1
mkdir t/v
say t/v/notify_on_release t/v/cgroup.clone_children
put release_agent /lib/agent
put release_agent ''
kill "$one"
becomes 'gone' 'rmdir t/u'
run 'mv t/v t/w; ls -d t/*; rmdir t/w t'
becomes 'gone there' 'rmdir "$CG/../freezer/f"'
